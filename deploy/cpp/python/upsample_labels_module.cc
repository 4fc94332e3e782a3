// Python's door to upsample_labels.h. Shapes and dtypes are checked in labels.py, sizes once more here.

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "mobileseg/upsample_labels.h"

namespace {

using mobileseg::Half;
using mobileseg::LabelStatus;
using mobileseg::Layout;

struct Request {
  const void* logits;
  void* labels;
  int classes, height, width, out_height, out_width, threads;
  Layout layout;
  bool align_corners;
};

template <typename Logit, typename Label>
LabelStatus Run(const Request& r) {
  return mobileseg::UpsampleLabels(static_cast<const Logit*>(r.logits), r.classes, r.height, r.width, r.layout,
                                   static_cast<Label*>(r.labels), r.out_height, r.out_width, r.align_corners,
                                   r.threads);
}

template <typename Logit>
LabelStatus RunFor(Py_ssize_t label_size, const Request& r) {
  if (label_size == 1) return Run<Logit, std::uint8_t>(r);
  if (label_size == 2) return Run<Logit, std::uint16_t>(r);
  return Run<Logit, std::int32_t>(r);
}

// upsample_labels(logits, logit_size, classes, height, width, nhwc, labels, label_size, out_height, out_width,
//                 align_corners, threads) -> status
PyObject* UpsampleLabels(PyObject*, PyObject* args) {
  Py_buffer logits, labels;
  Request r;
  Py_ssize_t logit_size, label_size;
  int nhwc, align_corners;
  if (!PyArg_ParseTuple(args, "y*niiipw*niipi", &logits, &logit_size, &r.classes, &r.height, &r.width, &nhwc, &labels,
                        &label_size, &r.out_height, &r.out_width, &align_corners, &r.threads))
    return nullptr;
  const bool fits = logit_size * static_cast<Py_ssize_t>(r.classes) * r.height * r.width == logits.len &&
                    label_size * static_cast<Py_ssize_t>(r.out_height) * r.out_width == labels.len &&
                    (logit_size == 2 || logit_size == 4) && (label_size == 1 || label_size == 2 || label_size == 4);
  LabelStatus status = LabelStatus::kBadShape;
  bool out_of_memory = false;
  if (fits) {
    r.logits = logits.buf;
    r.labels = labels.buf;
    r.layout = nhwc ? Layout::kNhwc : Layout::kNchw;
    r.align_corners = align_corners != 0;
    Py_BEGIN_ALLOW_THREADS;
    try {
      status = logit_size == 4 ? RunFor<float>(label_size, r) : RunFor<Half>(label_size, r);
    } catch (const std::exception&) {
      out_of_memory = true;
    }
    Py_END_ALLOW_THREADS;
  }
  PyBuffer_Release(&logits);
  PyBuffer_Release(&labels);
  if (out_of_memory) return PyErr_NoMemory();
  return PyLong_FromLong(static_cast<long>(status));
}

PyMethodDef methods[] = {{"upsample_labels", UpsampleLabels, METH_VARARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};

PyModuleDef module = {PyModuleDef_HEAD_INIT, "_upsample_labels", nullptr, -1, methods, nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__upsample_labels() { return PyModule_Create(&module); }
