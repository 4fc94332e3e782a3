// Makes a label map twice and marks the second one.
//
//   label_map LOGITS LAYOUT CLASSES HEIGHT WIDTH ALIGN_CORNERS LABEL_HEIGHT LABEL_WIDTH LABELS
//
// LOGITS is a file of float32, [classes, height, width], or [height, width, classes] where LAYOUT is NHWC; LABELS is
// written, uint16, [label height, label width].
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "mobileseg/upsample_labels.h"

namespace {

bool Finish(bool ok, const char* what) {
  if (!ok) std::fprintf(stderr, "error: %s\n", what);
  return ok;
}

}  // namespace

int main(int argc, char** argv) {
  if (!Finish(argc == 10, "nine arguments are needed")) return 2;
  const auto layout = std::string(argv[2]) == "NHWC" ? mobileseg::Layout::kNhwc : mobileseg::Layout::kNchw;
  const int classes = std::atoi(argv[3]), height = std::atoi(argv[4]), width = std::atoi(argv[5]);
  const int out_height = std::atoi(argv[7]), out_width = std::atoi(argv[8]);
  std::vector<float> logits(static_cast<std::size_t>(classes) * height * width);
  std::vector<std::uint16_t> labels(static_cast<std::size_t>(out_height) * out_width);
  std::FILE* given = std::fopen(argv[1], "rb");
  if (!Finish(given && std::fread(logits.data(), sizeof(float), logits.size(), given) == logits.size(),
              "cannot read the logits"))
    return 1;
  for (int run = 0; run < 2; ++run) {
    if (run == 1) syscall(MARK);
    const auto status = mobileseg::UpsampleLabels(logits.data(), classes, height, width, layout, labels.data(),
                                                  out_height, out_width, std::atoi(argv[6]) != 0);
    if (run == 1) syscall(MARK);
    if (!Finish(status == mobileseg::LabelStatus::kOk, "the logits were refused")) return 1;
  }
  std::FILE* made = std::fopen(argv[9], "wb");
  if (!Finish(made && std::fwrite(labels.data(), sizeof(labels[0]), labels.size(), made) == labels.size() &&
                  std::fclose(made) == 0,
              "cannot write the labels"))
    return 1;
  return 0;
}
