#include "label_map.h"

#include <mobileseg/upsample_labels.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>

#include "error.h"

namespace mobileseg_bench {
namespace {

constexpr char kNanMessage[] =
    "the network's output holds NaN: it is broken; a half precision model is the usual reason, convert without it";

std::string ShapeText(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t side : shape) text += (text.empty() ? "" : ", ") + std::to_string(side);
  return "[" + text + "]";
}

template <typename Label>
void CopyLabels(const Output& output, std::int32_t* to) {
  const auto* const from = static_cast<const Label*>(output.data);
  for (std::int64_t i = 0; i < output.Elements(); ++i) {
    if (from[i] < 0 || from[i] > std::int64_t{0x7fffffff})
      throw Failure("the network's output holds " + std::to_string(from[i]) + ", which is no class number");
    to[i] = static_cast<std::int32_t>(from[i]);
  }
}

}  // namespace

void CheckNumbers(const Output& output) {
  const auto count = static_cast<std::size_t>(output.Elements());
  const auto is_nan = [](auto logit) { return std::isnan(mobileseg::detail::ToFloat(logit)); };
  bool found = false;
  if (output.dtype == DType::kFloat32) {
    const auto* const logits = static_cast<const float*>(output.data);
    found = std::any_of(logits, logits + count, is_nan);
  } else if (output.dtype == DType::kFloat16) {
    const auto* const logits = static_cast<const mobileseg::Half*>(output.data);
    found = std::any_of(logits, logits + count, is_nan);
  }
  if (found) throw Failure(kNanMessage);
}

LabelMap::LabelMap(const Options& options, const Output& output)
    : exact_(options.labels == "exact"), align_corners_(options.align_corners), threads_(options.threads) {
  const std::string given = std::string("the network gives ") + NameOf(output.dtype) + " " + ShapeText(output.shape);
  if (exact_) {
    if (output.shape.size() != 4 || (output.dtype != DType::kFloat32 && output.dtype != DType::kFloat16))
      throw BadInput("--labels exact needs logits [N, C, h, w], but " + given);
    const std::int64_t classes = output.shape[1];
    label_bytes_ = classes <= 256 ? 1 : classes <= 65536 ? 2 : 4;
    shape_ = {output.shape[0], options.label_size[0], options.label_size[1]};
  } else {
    if (output.dtype != DType::kInt32 && output.dtype != DType::kInt64)
      throw BadInput("--labels graph needs a network that gives int32 or int64 labels, but " + given);
    label_bytes_ = 4;
    shape_ = output.shape;
  }
  double bytes = static_cast<double>(label_bytes_);
  for (const std::int64_t side : shape_) bytes *= static_cast<double>(side);
  // Beyond that a phone's memory ends, and on 32 bits so do addresses.
  if (bytes > 1 << 30) throw BadInput("a label map " + ShapeText(shape_) + " takes more than 1 GiB");
  bytes_.resize(static_cast<std::size_t>(bytes));
}

template <typename Label>
void LabelMap::Upsample(const Output& output) {
  const int classes = static_cast<int>(output.shape[1]);
  const int height = static_cast<int>(output.shape[2]), width = static_cast<int>(output.shape[3]);
  const int out_height = static_cast<int>(shape_[1]), out_width = static_cast<int>(shape_[2]);
  const std::size_t image = static_cast<std::size_t>(classes) * height * width;
  const auto run = [&](const auto* logits, Label* labels) {
    const auto status = mobileseg::UpsampleLabels(logits, classes, height, width, mobileseg::Layout::kNchw, labels,
                                                  out_height, out_width, align_corners_, threads_);
    if (status == mobileseg::LabelStatus::kNan) throw Failure(kNanMessage);
    if (status != mobileseg::LabelStatus::kOk) throw Failure("the label core refused the network's output");
  };
  const std::size_t map = static_cast<std::size_t>(out_height) * out_width;
  for (std::int64_t n = 0; n < shape_[0]; ++n) {
    Label* const labels = reinterpret_cast<Label*>(bytes_.data()) + n * map;
    if (output.dtype == DType::kFloat32)
      run(static_cast<const float*>(output.data) + n * image, labels);
    else
      run(static_cast<const mobileseg::Half*>(output.data) + n * image, labels);
  }
}

void LabelMap::Compute(const Output& output) {
  if (exact_) {
    if (label_bytes_ == 1) Upsample<std::uint8_t>(output);
    if (label_bytes_ == 2) Upsample<std::uint16_t>(output);
    if (label_bytes_ == 4) Upsample<std::int32_t>(output);
  } else {
    auto* const labels = reinterpret_cast<std::int32_t*>(bytes_.data());
    if (output.dtype == DType::kInt32) CopyLabels<std::int32_t>(output, labels);
    if (output.dtype == DType::kInt64) CopyLabels<std::int64_t>(output, labels);
  }
}

const char* LabelMap::dtype() const { return label_bytes_ == 1 ? "uint8" : label_bytes_ == 2 ? "uint16" : "int32"; }

template <typename Label>
int LabelMap::CountClasses() const {
  const auto* const begin = reinterpret_cast<const Label*>(bytes_.data());
  std::vector<Label> labels(begin, begin + bytes_.size() / sizeof(Label));
  std::sort(labels.begin(), labels.end());
  return static_cast<int>(std::unique(labels.begin(), labels.end()) - labels.begin());
}

int LabelMap::ClassesPresent() const {
  return label_bytes_ == 1   ? CountClasses<std::uint8_t>()
         : label_bytes_ == 2 ? CountClasses<std::uint16_t>()
                             : CountClasses<std::int32_t>();
}

}  // namespace mobileseg_bench
