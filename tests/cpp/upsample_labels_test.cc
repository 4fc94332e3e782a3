// Holds upsample_labels.h against interpolation of every class in double precision, over thousands of cases.
//
// Prints a digest of the label maps of each kind of case; the digests are the same on every processor.
// Exit status 1 if any label is wrong. With "digests" as its second argument it only prints them: where they are those
// of a build whose labels were held against double precision, these labels are the same.

#include "mobileseg/upsample_labels.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

namespace {

using mobileseg::Half;
using mobileseg::LabelStatus;
using mobileseg::Layout;

int failures = 0;
bool digests_only = false;

void Check(bool good, const std::string& what) {
  if (good) return;
  ++failures;
  std::printf("FAILED: %s\n", what.c_str());
}

// Numerical Recipes' 64-bit generator: the same numbers from every standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2862933555777941757u + 3037000493u) {}
  std::uint32_t Next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(state_ >> 32);
  }
  int Between(int low, int high) { return low + static_cast<int>(Next() % static_cast<std::uint32_t>(high - low + 1)); }
  float Value() { return static_cast<float>(static_cast<std::int32_t>(Next())) / 536870912.0f; }

 private:
  std::uint64_t state_;
};

struct Case {
  int classes, height, width, out_height, out_width;
  bool align_corners;
};

// Where sample `k` of an axis lies, by the published rule and without looking at the header.
void Locate(int in, int out, bool align_corners, int k, int* low, int* high, float* weight) {
  float ratio = align_corners ? (out > 1 ? float(in - 1) / float(out - 1) : 0.0f) : float(in) / float(out);
  volatile float product = align_corners ? ratio * float(k) : ratio * (float(k) + 0.5f);
  float position = align_corners ? product : product - 0.5f;
  if (position < 0) position = 0;
  *low = int(position) < in - 1 ? int(position) : in - 1;
  *high = *low + 1 < in ? *low + 1 : in - 1;
  *weight = *high > *low ? position - float(*low) : 0.0f;
}

double Limited(float value) {
  const double largest = std::numeric_limits<float>::max() / 2;
  return value > largest ? largest : value < -largest ? -largest : value;
}

template <typename Label>
void Compare(const Case& c, const std::vector<float>& logits, const std::vector<Label>& labels, const std::string& name) {
  const auto at = [&](int cls, int y, int x) {
    return Limited(logits[(static_cast<std::size_t>(cls) * c.height + y) * c.width + x]);
  };
  for (int y = 0; y < c.out_height; ++y)
    for (int x = 0; x < c.out_width; ++x) {
      int y0, y1, x0, x1;
      float v, h;
      Locate(c.height, c.out_height, c.align_corners, y, &y0, &y1, &v);
      Locate(c.width, c.out_width, c.align_corners, x, &x0, &x1, &h);
      const double v0 = 1.0f - v, h0 = 1.0f - h;
      double best = -std::numeric_limits<double>::infinity(), chosen = 0, largest = 0;
      const int label = labels[static_cast<std::size_t>(y) * c.out_width + x];
      for (int cls = 0; cls < c.classes; ++cls) {
        const double corners[4] = {at(cls, y0, x0), at(cls, y0, x1), at(cls, y1, x0), at(cls, y1, x1)};
        for (double corner : corners) largest = std::max(largest, std::fabs(corner));
        const double value = (corners[0] * h0 + corners[1] * h) * v0 + (corners[2] * h0 + corners[3] * h) * v;
        best = std::max(best, value);
        if (cls == label) chosen = value;
      }
      // Within the stated bound either class is right.
      if (label < 0 || label >= c.classes || best - chosen > largest * 0x1p-23) {
        Check(false, name + ": a label is wrong at " + std::to_string(y) + ", " + std::to_string(x));
        return;
      }
    }
}

std::uint16_t ToHalf(float value) {
  // The test's values are multiples of 1/8 below 8 in magnitude, which half precision holds exactly.
  if (value == 0) return 0;
  int exponent;
  const float fraction = std::frexp(std::fabs(value), &exponent);
  const auto mantissa = static_cast<std::uint16_t>((fraction * 2 - 1) * 1024);
  return static_cast<std::uint16_t>((value < 0 ? 0x8000 : 0) | ((exponent + 14) << 10) | mantissa);
}

template <typename Label>
std::uint64_t Digest(std::uint64_t digest, const std::vector<Label>& labels) {
  for (Label label : labels) digest = (digest ^ static_cast<std::uint64_t>(label)) * 1099511628211u;
  return digest;
}

template <typename Label>
std::uint64_t RunCase(const Case& c, const std::vector<float>& logits, const std::string& name, std::uint64_t digest) {
  // Exactly as large as it must be, so that AddressSanitizer sees every step beyond.
  std::vector<Label> labels(static_cast<std::size_t>(c.out_height) * c.out_width);
  const auto status = mobileseg::UpsampleLabels(logits.data(), c.classes, c.height, c.width, Layout::kNchw,
                                                labels.data(), c.out_height, c.out_width, c.align_corners);
  Check(status == LabelStatus::kOk, name + ": refused");
  if (!digests_only) Compare(c, logits, labels, name);

  std::vector<float> last(logits.size());
  const std::size_t plane = static_cast<std::size_t>(c.height) * c.width;
  for (int cls = 0; cls < c.classes; ++cls)
    for (std::size_t i = 0; i < plane; ++i) last[i * c.classes + cls] = logits[cls * plane + i];
  std::vector<Label> again(labels.size());
  mobileseg::UpsampleLabels(last.data(), c.classes, c.height, c.width, Layout::kNhwc, again.data(), c.out_height,
                            c.out_width, c.align_corners, 3);
  Check(again == labels, name + ": NHWC on three threads differs from NCHW on one");
  return Digest(digest, labels);
}

Case Draw(Random& random) {
  return {random.Between(1, 40), random.Between(1, 36), random.Between(1, 36),
          random.Between(1, 80), random.Between(1, 80), random.Between(0, 1) == 1};
}

template <typename Label, typename Fill>
void RunKind(const std::string& name, int cases, Fill fill) {
  Random random(name.size() * 7919 + static_cast<unsigned char>(name[0]));
  std::uint64_t digest = 14695981039346656037u;
  for (int i = 0; i < cases; ++i) {
    const Case c = Draw(random);
    std::vector<float> logits(static_cast<std::size_t>(c.classes) * c.height * c.width);
    fill(random, c, logits);
    digest = RunCase<Label>(c, logits, name + " " + std::to_string(i), digest);
  }
  std::printf("%-12s %016llx\n", name.c_str(), static_cast<unsigned long long>(digest));
}

void RunHalf(int cases) {
  Random random(5);
  std::uint64_t digest = 14695981039346656037u;
  for (int i = 0; i < cases; ++i) {
    const Case c = Draw(random);
    std::vector<float> logits(static_cast<std::size_t>(c.classes) * c.height * c.width);
    std::vector<Half> halves(logits.size());
    for (std::size_t k = 0; k < logits.size(); ++k) {
      logits[k] = static_cast<float>(random.Between(-63, 63)) / 8;
      halves[k].bits = ToHalf(logits[k]);
    }
    std::vector<std::uint8_t> from_half(static_cast<std::size_t>(c.out_height) * c.out_width), from_float(from_half);
    mobileseg::UpsampleLabels(halves.data(), c.classes, c.height, c.width, Layout::kNchw, from_half.data(),
                              c.out_height, c.out_width, c.align_corners);
    mobileseg::UpsampleLabels(logits.data(), c.classes, c.height, c.width, Layout::kNchw, from_float.data(),
                              c.out_height, c.out_width, c.align_corners);
    Check(from_half == from_float, "half " + std::to_string(i) + ": differs from float32");
    digest = Digest(digest, from_half);
  }
  std::printf("%-12s %016llx\n", "half", static_cast<unsigned long long>(digest));
}

void RunRefusals() {
  float logits[300] = {};
  std::uint8_t label = 7;
  const auto run = [&](int classes, int height, int width, int out_height, int threads) {
    return mobileseg::UpsampleLabels(logits, classes, height, width, Layout::kNchw, &label, out_height, 1, false, threads);
  };
  Check(run(0, 1, 1, 1, 1) == LabelStatus::kBadShape, "no classes are accepted");
  Check(run(1, 0, 1, 1, 1) == LabelStatus::kBadShape, "no rows are accepted");
  Check(run(1, 1, -1, 1, 1) == LabelStatus::kBadShape, "negative columns are accepted");
  Check(run(1, 1, 1, 0, 1) == LabelStatus::kBadShape, "an empty label map is accepted");
  Check(run(1, 1, 1, 1, 0) == LabelStatus::kBadShape, "no threads are accepted");
  Check(run(257, 1, 1, 1, 1) == LabelStatus::kTooManyClasses, "257 classes are accepted for uint8");
  logits[2] = std::numeric_limits<float>::quiet_NaN();
  Check(run(3, 1, 1, 1, 1) == LabelStatus::kNan, "NaN is accepted");
  Check(label == 7, "a refusal wrote labels");
  logits[2] = 0;
  Check(run(256, 1, 1, 1, 1) == LabelStatus::kOk && label == 0, "256 classes are refused for uint8");
  const Half nan{0x7e01}, infinity{0xfc00};
  Check(mobileseg::UpsampleLabels(&nan, 1, 1, 1, Layout::kNchw, &label, 1, 1) == LabelStatus::kNan, "half NaN is accepted");
  Check(mobileseg::UpsampleLabels(&infinity, 1, 1, 1, Layout::kNchw, &label, 1, 1) == LabelStatus::kOk,
        "half infinity is refused");
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = argc > 1 ? std::atoi(argv[1]) : 300;
  digests_only = argc > 2 && std::string(argv[2]) == "digests";
  RunKind<std::int32_t>("noise", cases, [](Random& random, const Case&, std::vector<float>& logits) {
    for (float& value : logits) value = random.Value();
  });
  RunKind<std::uint8_t>("smooth", cases, [](Random& random, const Case& c, std::vector<float>& logits) {
    std::size_t at = 0;
    for (int cls = 0; cls < c.classes; ++cls) {
      const float a = random.Value(), b = random.Value() / 4, d = random.Value() / 4;
      for (int y = 0; y < c.height; ++y)
        for (int x = 0; x < c.width; ++x) logits[at++] = a + b * static_cast<float>(y) + d * static_cast<float>(x);
    }
  });
  RunKind<std::uint16_t>("ties", cases, [](Random& random, const Case&, std::vector<float>& logits) {
    for (float& value : logits) value = static_cast<float>(random.Between(-1, 1));
  });
  RunKind<std::int32_t>("constant", cases, [](Random& random, const Case& c, std::vector<float>& logits) {
    const std::size_t plane = static_cast<std::size_t>(c.height) * c.width;
    for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = i % plane ? logits[i - 1] : random.Value();
  });
  RunKind<std::int32_t>("huge", cases, [](Random& random, const Case&, std::vector<float>& logits) {
    const float infinity = std::numeric_limits<float>::infinity();
    const float choices[] = {infinity, -infinity, 3.4e38f, -3.4e38f, 1.0f, 0.0f, -0.0f, 1e-42f};
    for (float& value : logits) value = choices[random.Between(0, 7)];
  });
  RunHalf(cases);
  RunRefusals();
  std::printf("%d failures\n", failures);
  return failures ? 1 : 0;
}
