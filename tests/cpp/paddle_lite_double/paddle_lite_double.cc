// Test double of libpaddle_light_api_shared.so, for machines without Paddle-Lite's C++ package.
//
// Its model is a real function of the input, so that outputs can be checked: the input [N, C, H, W] is averaged over
// squares of `stride`, and logits = weights * averages + bias. The file is a .nb's header (uint16 2, then 16 characters
// with the version) and after it lines of `key value...`; tests/support/bench_program.py writes them:
//
//   stride 8               bias ...             `classes` numbers
//   classes 5              weights ...          classes x C numbers, a row a class
//   output float32         logits [N, classes, H / stride, W / stride]; int32 or int64: labels [N, H, W], the best
//                          class of each square
//   version text           what GetVersion says
//   spin_ms a b            every run keeps the processor busy for a + b * (runs before it) milliseconds
//   clock_ms a b           the program's clock stands still from loading on. Every run moves it by
//                          a + b * (runs before it) milliseconds, and asking for the input or the output by 1, so that
//                          times are the same on a busy machine; the process computes in a quarter of them
//   nap 1                  every run has to wait for something
//   noise 1                prints to standard output, as the real one does
//   trace 1                says on standard error what every run was given
//   fault kind when        load or run `when` (-1: loading; 0: the first run) goes wrong: abort, segv, kill, hang,
//                          throw, nan, bool (an output of a type that nobody expects)

#include <paddle_api.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

namespace {

// Where the clock stands, in nanoseconds; 0 while it goes.
std::atomic<long long> standing_ns{0};

}  // namespace

// In the place of the C library's: this library comes before it where the program's symbols are looked up.
extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const long long standing = standing_ns;
  if ((clock != CLOCK_MONOTONIC && clock != CLOCK_PROCESS_CPUTIME_ID) || standing == 0)
    return static_cast<int>(syscall(SYS_clock_gettime, clock, now));
  const long long shown = clock == CLOCK_MONOTONIC ? standing : standing / 4;
  now->tv_sec = static_cast<time_t>(shown / 1000000000);
  now->tv_nsec = static_cast<long>(shown % 1000000000);
  return 0;
}

namespace paddle {
namespace lite_api {
namespace {

void MoveClock(double ms) {
  if (standing_ns != 0) standing_ns += static_cast<long long>(ms * 1e6);
}

void StopClock() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  standing_ns = std::chrono::nanoseconds(now).count();
}

struct RawTensor {
  shape_t shape;
  PrecisionType precision = PrecisionType::kUnk;
  std::vector<char> bytes;

  std::size_t elements() const {
    std::size_t count = 1;
    for (const int64_t side : shape) count *= static_cast<std::size_t>(side);
    return count;
  }
};

template <typename T>
PrecisionType PrecisionOf() {
  if (std::is_same<T, float>::value) return PrecisionType::kFloat;
  return sizeof(T) == 8 ? PrecisionType::kInt64 : PrecisionType::kInt32;
}

[[noreturn]] void CheckFailed(const std::string& what) {
  std::fprintf(stderr, "[F paddle_lite_double.cc] Check failed: %s\n", what.c_str());
  std::abort();
}

struct Model {
  int stride = 8, classes = 0;
  std::vector<double> weights, bias;
  std::string output = "float32", version = "double", fault;
  double spin_ms[2] = {0, 0}, clock_ms[2] = {-1, 0};
  bool noise = false, trace = false, nap = false;
  int fault_when = -2;
};

Model Load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char header[18];
  if (!file.read(header, sizeof header)) CheckFailed("the model has a header");
  Model model;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    if (key == "stride") words >> model.stride;
    else if (key == "classes") words >> model.classes;
    else if (key == "output") words >> model.output;
    else if (key == "version") words >> model.version;
    else if (key == "spin_ms") words >> model.spin_ms[0] >> model.spin_ms[1];
    else if (key == "clock_ms") words >> model.clock_ms[0] >> model.clock_ms[1];
    else if (key == "noise") words >> model.noise;
    else if (key == "trace") words >> model.trace;
    else if (key == "nap") words >> model.nap;
    else if (key == "fault") words >> model.fault >> model.fault_when;
    else if (key == "weights") for (double value; words >> value;) model.weights.push_back(value);
    else if (key == "bias") for (double value; words >> value;) model.bias.push_back(value);
    else CheckFailed("the model has known keys, not " + key);
  }
  if (model.classes < 1 || model.bias.size() != static_cast<std::size_t>(model.classes))
    CheckFailed("the model is whole");
  return model;
}

class Double : public PaddlePredictor {
 public:
  explicit Double(const MobileConfig& config)
      : model_(Load(config.lite_model_file())), threads_(config.threads()), mode_(config.power_mode()) {
    Say("loading " + config.lite_model_file());
    Misbehave(-1);
    if (model_.clock_ms[0] >= 0) StopClock();
  }

  std::unique_ptr<Tensor> GetInput(int) override {
    MoveClock(1);
    return std::unique_ptr<Tensor>(new Tensor(&input_));
  }
  std::unique_ptr<const Tensor> GetOutput(int) const override {
    MoveClock(1);
    return std::unique_ptr<const Tensor>(new Tensor(&output_));
  }
  std::string GetVersion() const override { return model_.version; }

  void Run() override {
    const auto start = std::chrono::steady_clock::now();
    Say("run " + std::to_string(runs_));
    Misbehave(runs_);
    Compute();
    if (model_.nap) usleep(1000);
    if (model_.fault == "nan" && runs_ >= model_.fault_when)
      reinterpret_cast<float*>(output_.bytes.data())[output_.elements() / 2] = std::nanf("");
    if (model_.fault == "bool") output_.precision = PrecisionType::kBool;
    if (model_.trace) Trace();
    MoveClock(model_.clock_ms[0] + model_.clock_ms[1] * runs_);
    const double spin = model_.spin_ms[0] + model_.spin_ms[1] * runs_++;
    while (std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() < spin) {
    }
  }

 private:
  void Say(const std::string& what) const {
    if (model_.noise) std::printf("[I paddle_lite_double.cc] {\"%s\"}\n", what.c_str());
  }

  void Misbehave(int now) const {
    if (now != model_.fault_when) return;
    if (model_.fault == "abort") CheckFailed("told to");
    if (model_.fault == "segv") raise(SIGSEGV);
    if (model_.fault == "kill") raise(SIGKILL);
    if (model_.fault == "throw") throw std::runtime_error("told to\nthrow");
    if (model_.fault == "hang") for (;;) pause();
  }

  void Trace() const {
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    std::string cores;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &set)) cores += (cores.empty() ? "" : ",") + std::to_string(cpu);
    std::fprintf(stderr, "trace first %g threads %d mode %d cores %s\n",
                 reinterpret_cast<const float*>(input_.bytes.data())[0], threads_, static_cast<int>(mode_), cores.c_str());
  }

  // Mean of channel `c` over the square at (y, x).
  double Mean(const float* image, int64_t c, int64_t y, int64_t x) const {
    const int64_t height = input_.shape[2], width = input_.shape[3], stride = model_.stride;
    double sum = 0;
    for (int64_t i = 0; i < stride; ++i)
      for (int64_t j = 0; j < stride; ++j) sum += image[(c * height + y * stride + i) * width + x * stride + j];
    return sum / static_cast<double>(stride * stride);
  }

  void Compute() {
    if (input_.shape.size() != 4 || input_.bytes.empty()) CheckFailed("the input was set");
    const int64_t images = input_.shape[0], channels = input_.shape[1];
    const int64_t rows = input_.shape[2] / model_.stride, columns = input_.shape[3] / model_.stride;
    if (model_.weights.size() != static_cast<std::size_t>(model_.classes * channels))
      CheckFailed("the input has the channels of the weights");
    std::vector<float> logits;
    for (int64_t n = 0; n < images; ++n) {
      const float* const image =
          reinterpret_cast<const float*>(input_.bytes.data()) + n * channels * input_.shape[2] * input_.shape[3];
      std::vector<double> means;
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t y = 0; y < rows; ++y)
          for (int64_t x = 0; x < columns; ++x) means.push_back(Mean(image, c, y, x));
      for (int k = 0; k < model_.classes; ++k)
        for (int64_t i = 0; i < rows * columns; ++i) {
          double value = model_.bias[k];
          for (int64_t c = 0; c < channels; ++c) value += model_.weights[k * channels + c] * means[c * rows * columns + i];
          logits.push_back(static_cast<float>(value));
        }
    }
    if (model_.output == "float32") {
      output_.shape = {images, model_.classes, rows, columns};
      Put(logits);
    } else if (model_.output == "int64") {
      Put(Labels<int64_t>(logits, images, rows, columns));
    } else {
      Put(Labels<int32_t>(logits, images, rows, columns));
    }
  }

  template <typename T>
  std::vector<T> Labels(const std::vector<float>& logits, int64_t images, int64_t rows, int64_t columns) {
    const int64_t height = rows * model_.stride, width = columns * model_.stride;
    output_.shape = {images, height, width};
    std::vector<T> labels;
    for (int64_t n = 0; n < images; ++n)
      for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x) {
          const float* const square =
              logits.data() + n * model_.classes * rows * columns + y / model_.stride * columns + x / model_.stride;
          int best = 0;
          for (int k = 1; k < model_.classes; ++k)
            if (square[k * rows * columns] > square[best * rows * columns]) best = k;
          labels.push_back(static_cast<T>(best));
        }
    return labels;
  }

  template <typename T>
  void Put(const std::vector<T>& values) {
    output_.precision = PrecisionOf<T>();
    output_.bytes.resize(values.size() * sizeof(T));
    std::memcpy(output_.bytes.data(), values.data(), output_.bytes.size());
  }

  Model model_;
  int threads_;
  PowerMode mode_;
  int runs_ = 0;
  RawTensor input_;
  mutable RawTensor output_;
};

}  // namespace

void Tensor::Resize(const shape_t& shape) { static_cast<RawTensor*>(raw_tensor_)->shape = shape; }

template <typename T>
T* Tensor::mutable_data(TargetType) const {
  auto* const raw = static_cast<RawTensor*>(raw_tensor_);
  raw->precision = PrecisionOf<T>();
  raw->bytes.resize(raw->elements() * sizeof(T));
  return reinterpret_cast<T*>(raw->bytes.data());
}

template <typename T>
const T* Tensor::data() const {
  return reinterpret_cast<const T*>(static_cast<const RawTensor*>(raw_tensor_)->bytes.data());
}

shape_t Tensor::shape() const { return static_cast<const RawTensor*>(raw_tensor_)->shape; }
PrecisionType Tensor::precision() const { return static_cast<const RawTensor*>(raw_tensor_)->precision; }

template float* Tensor::mutable_data<float>(TargetType) const;
template const float* Tensor::data<float>() const;
template const double* Tensor::data<double>() const;
template const int64_t* Tensor::data<int64_t>() const;
template const int32_t* Tensor::data<int32_t>() const;
template const int16_t* Tensor::data<int16_t>() const;
template const int8_t* Tensor::data<int8_t>() const;
template const uint16_t* Tensor::data<uint16_t>() const;
template const uint8_t* Tensor::data<uint8_t>() const;

template <>
std::shared_ptr<PaddlePredictor> CreatePaddlePredictor(const MobileConfig& config) {
  return std::make_shared<Double>(config);
}

}  // namespace lite_api
}  // namespace paddle
