// Test double of Paddle-Lite's header of this name: the classes that mobileseg_bench uses and nothing else.
//
// Names, signatures and meaning are Paddle-Lite's; what stands behind them is paddle_lite_double.cc.

#ifndef PADDLE_LITE_DOUBLE_API_H_
#define PADDLE_LITE_DOUBLE_API_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "paddle_place.h"

namespace paddle {
namespace lite_api {

using shape_t = std::vector<int64_t>;

struct Tensor {
  explicit Tensor(void* raw) : raw_tensor_(raw) {}

  void Resize(const shape_t& shape);
  template <typename T>
  const T* data() const;
  template <typename T>
  T* mutable_data(TargetType type = TargetType::kHost) const;
  shape_t shape() const;
  PrecisionType precision() const;

 private:
  void* raw_tensor_;
};

class PaddlePredictor {
 public:
  virtual std::unique_ptr<Tensor> GetInput(int i) = 0;
  virtual std::unique_ptr<const Tensor> GetOutput(int i) const = 0;
  virtual void Run() = 0;
  virtual std::string GetVersion() const = 0;
  virtual ~PaddlePredictor() = default;
};

class ConfigBase {
 public:
  void set_threads(int threads) { threads_ = threads; }
  int threads() const { return threads_; }
  void set_power_mode(PowerMode mode) { mode_ = mode; }
  PowerMode power_mode() const { return mode_; }
  void set_x86_math_num_threads(int) {}

 private:
  int threads_ = 1;
  PowerMode mode_ = LITE_POWER_NO_BIND;
};

class MobileConfig : public ConfigBase {
 public:
  void set_model_from_file(const std::string& path) { path_ = path; }
  const std::string& lite_model_file() const { return path_; }

 private:
  std::string path_;
};

template <typename ConfigT>
std::shared_ptr<PaddlePredictor> CreatePaddlePredictor(const ConfigT& config);

template <>
std::shared_ptr<PaddlePredictor> CreatePaddlePredictor(const MobileConfig& config);

}  // namespace lite_api
}  // namespace paddle

#endif  // PADDLE_LITE_DOUBLE_API_H_
