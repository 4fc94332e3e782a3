#include "network.h"

#include <paddle_api.h>

#include <algorithm>
#include <map>

#include "clock.h"
#include "crash.h"
#include "error.h"

namespace mobileseg_bench {
namespace {

namespace lite = paddle::lite_api;

lite::PowerMode PowerModeOf(const std::string& name) {
  static const std::map<std::string, lite::PowerMode> modes = {
      {"high", lite::LITE_POWER_HIGH},           {"low", lite::LITE_POWER_LOW},
      {"full", lite::LITE_POWER_FULL},           {"no_bind", lite::LITE_POWER_NO_BIND},
      {"rand_high", lite::LITE_POWER_RAND_HIGH}, {"rand_low", lite::LITE_POWER_RAND_LOW},
  };
  return modes.at(name);
}

// Calls the library: what it throws becomes a Failure, and what kills the process is told by crash.h.
template <typename Call>
auto Guarded(const char* doing, const Call& call) {
  struct Doing {
    explicit Doing(const char* what) { NowDoing(what); }
    ~Doing() { NowDoing(nullptr); }
  };
  try {
    const Doing now(doing);
    return call();
  } catch (const Failure&) {
    throw;
  } catch (const std::exception& error) {
    std::string message = error.what();
    std::replace(message.begin(), message.end(), '\n', ' ');
    throw Failure(std::string("Paddle-Lite failed while ") + doing + ": " + message);
  }
}

// A tensor must be read as what it is: the same bytes taken for float32 would be other numbers.
Output Read(const lite::Tensor& tensor) {
  Output output;
  output.shape = tensor.shape();
  switch (tensor.precision()) {
    case lite::PrecisionType::kFloat:
      output.dtype = DType::kFloat32;
      output.data = tensor.data<float>();
      break;
    case lite::PrecisionType::kFP16:
      output.dtype = DType::kFloat16;
      output.data = tensor.data<std::uint16_t>();
      break;
    case lite::PrecisionType::kFP64:
      output.dtype = DType::kFloat64;
      output.data = tensor.data<double>();
      break;
    case lite::PrecisionType::kInt64:
      output.dtype = DType::kInt64;
      output.data = tensor.data<std::int64_t>();
      break;
    case lite::PrecisionType::kInt32:
      output.dtype = DType::kInt32;
      output.data = tensor.data<std::int32_t>();
      break;
    case lite::PrecisionType::kInt16:
      output.dtype = DType::kInt16;
      output.data = tensor.data<std::int16_t>();
      break;
    case lite::PrecisionType::kInt8:
      output.dtype = DType::kInt8;
      output.data = tensor.data<std::int8_t>();
      break;
    case lite::PrecisionType::kUInt8:
      output.dtype = DType::kUint8;
      output.data = tensor.data<std::uint8_t>();
      break;
    default:
      throw Failure("the network's output has element type " + std::to_string(static_cast<int>(tensor.precision())) +
                    " of Paddle-Lite, which cannot be read here");
  }
  return output;
}

}  // namespace

const char* NameOf(DType dtype) {
  constexpr const char* kNames[] = {"float32", "float16", "float64", "int64", "int32", "int16", "int8", "uint8"};
  return kNames[static_cast<int>(dtype)];
}

std::size_t SizeOf(DType dtype) {
  constexpr std::size_t kSizes[] = {4, 2, 8, 8, 4, 2, 1, 1};
  return kSizes[static_cast<int>(dtype)];
}

std::int64_t Output::Elements() const {
  std::int64_t elements = 1;
  for (const std::int64_t side : shape) elements *= side;
  return elements;
}

struct Network::Predictor {
  std::shared_ptr<lite::PaddlePredictor> handle;
};

Network::Network(const Options& options) : predictor_(new Predictor), input_shape_(options.input_shape) {
  Guarded("loading the model", [&] {
    const auto start = Clock::now();
    lite::MobileConfig config;
    config.set_model_from_file(options.model);
    config.set_power_mode(PowerModeOf(options.power_mode));
    config.set_threads(options.threads);
#if defined(__x86_64__) || defined(__i386__)
    config.set_x86_math_num_threads(options.threads);
#endif
    predictor_->handle = lite::CreatePaddlePredictor<lite::MobileConfig>(config);
    init_ms_ = MillisecondsSince(start);
  });
  if (!predictor_->handle) throw Failure("Paddle-Lite gave no predictor for " + options.model);
}

Network::~Network() = default;

std::string Network::LibraryVersion() const { return predictor_->handle->GetVersion(); }

void Network::SetInput(const std::vector<float>& values) {
  Guarded("taking the input", [&] {
    const auto tensor = predictor_->handle->GetInput(0);
    tensor->Resize(input_shape_);
    std::copy(values.begin(), values.end(), tensor->mutable_data<float>());
  });
}

double Network::Run() {
  return Guarded("running the network", [&] {
    const auto start = Clock::now();
    predictor_->handle->Run();
    return MillisecondsSince(start);
  });
}

Output Network::FirstOutput() const {
  const Output output =
      Guarded("giving its output", [&] { return Read(*predictor_->handle->GetOutput(0)); });
  if (output.Elements() < 1 || !output.data) throw Failure("the network's output is empty");
  return output;
}

}  // namespace mobileseg_bench
