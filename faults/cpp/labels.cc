// The label core, on logits of any values, both precisions and layouts, every type of label, one thread and more.

#include <fuzzer/FuzzedDataProvider.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "mobileseg/upsample_labels.h"

namespace {

template <typename Logit, typename Label>
void Try(FuzzedDataProvider& provider) {
  const int classes = provider.ConsumeIntegralInRange(0, 300), height = provider.ConsumeIntegralInRange(0, 9);
  const int width = provider.ConsumeIntegralInRange(0, 40);
  const int out_height = provider.ConsumeIntegralInRange(0, 40), out_width = provider.ConsumeIntegralInRange(0, 200);
  const bool align_corners = provider.ConsumeBool();
  const int threads = provider.ConsumeIntegralInRange(0, 3);
  const auto layout = provider.ConsumeBool() ? mobileseg::Layout::kNhwc : mobileseg::Layout::kNchw;
  std::vector<Logit> logits(static_cast<std::size_t>(classes) * height * width);
  const auto bytes = provider.ConsumeRemainingBytes<std::uint8_t>();
  // The input is repeated over the logits.
  auto* const begin = reinterpret_cast<unsigned char*>(logits.data());
  if (!bytes.empty())
    for (std::size_t i = 0; i < logits.size() * sizeof(Logit); ++i) begin[i] = bytes[i % bytes.size()];
  std::vector<Label> labels(static_cast<std::size_t>(out_height) * out_width, static_cast<Label>(-1));
  const auto status = mobileseg::UpsampleLabels(logits.data(), classes, height, width, layout, labels.data(),
                                                out_height, out_width, align_corners, threads);
  if (status != mobileseg::LabelStatus::kOk) return;
  for (const Label label : labels)
    if (static_cast<std::int64_t>(label) < 0 || static_cast<std::int64_t>(label) >= classes) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider provider(data, size);
  switch (provider.ConsumeIntegralInRange(0, 5)) {
    case 0: Try<float, std::uint8_t>(provider); break;
    case 1: Try<float, std::uint16_t>(provider); break;
    case 2: Try<float, std::int32_t>(provider); break;
    case 3: Try<mobileseg::Half, std::uint8_t>(provider); break;
    case 4: Try<mobileseg::Half, std::uint16_t>(provider); break;
    default: Try<mobileseg::Half, std::int32_t>(provider); break;
  }
  return 0;
}
