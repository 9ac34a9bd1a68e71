// Layers for OpenCV's DNN module that multiply with bcr: this is the file to read. register_bcr_layers() puts them in
// the place of OpenCV's own, so that any ONNX model is read as it is: where a 1x1 convolution or a fully connected
// layer turns out to be pruned it becomes one of these, and whatever else there is stays OpenCV's.
#pragma once

#include <algorithm>
#include <bcr/bcr.hpp>
#include <cstddef>
#include <limits>
#include <opencv2/dnn/all_layers.hpp>
#include <opencv2/dnn/layer.details.hpp>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

using block = bcr::block<4, 16>;  // what model.py pruned by
using packed_layer = bcr::packed_weights<float, block>;

// OpenCV's threads as bcr's executor.
struct opencv_executor {
  template <class Task>
  void run(std::size_t tasks, const Task& task) noexcept {
    const cv::Range all(0, static_cast<int>(tasks));
    const auto run_some = [&](const cv::Range& some) {
      for (int i = some.start; i < some.end; ++i) task(static_cast<std::size_t>(i));
    };
    cv::parallel_for_(all, run_some, static_cast<double>(tasks));
  }
  std::size_t concurrency() const noexcept { return static_cast<std::size_t>(std::max(1, cv::getNumThreads())); }
};
static_assert(bcr::executor<opencv_executor>);

// Hands a status that is not ok to OpenCV, which throws it; hands on the value of a result that is.
inline void check(const bcr::status& status) {
  if (!status) CV_Error(cv::Error::StsError, status.message());
}
template <class T>
T check(bcr::result<T> result) {
  check(result.status());
  return std::move(*result);
}

// From the weights in the model, of any shape whose first extent is the outputs, to packed ones: the pattern of what is
// not zero, and the weights that it keeps. None if so many are kept that OpenCV is as fast.
inline std::optional<packed_layer> pack_if_pruned(const cv::Mat& weights) {
  constexpr double densest = 0.5;
  const auto outputs = static_cast<std::size_t>(weights.size[0]);
  const bcr::matrix_view<const float> dense(weights.ptr<float>(), outputs, weights.total() / outputs);
  const auto covering = check(bcr::cover_nonzeros<block>(dense));
  auto packed = check(bcr::pack<float>(covering.pattern, dense));
  if (packed.density() > densest) return {};
  return packed;
}

// What both kinds of layer do: bias and activation happen while results are in registers.
template <template <class, class> class Plan>
class bcr_layer : public cv::dnn::Layer {
  using bias = bcr::epilogue::bias<float>;
  using clamp = bcr::epilogue::clamp<float>;
  static constexpr bool is_convolution = std::is_same_v<Plan<float, bias>, bcr::gemm_plan<float, bias>>;

 public:
  using plan = Plan<float, bcr::epilogue::chain_of<bias, clamp>>;

  bcr_layer(const cv::dnn::LayerParams& params, packed_layer packed)
      : cv::dnn::Layer(params), packed_(std::move(packed)), bias_(packed_.rows()) {
    if (params.blobs.size() > 1) std::copy_n(params.blobs[1].ptr<float>(), bias_.size(), bias_.begin());
    blobs.clear();  // the weights are packed
  }

  const packed_layer& packed() const { return packed_; }
  const char* kernel_name() const { return plan_->kernel_name(); }

  // Images x channels x height x width for a convolution, images x features for a fully connected layer.
  bool getMemoryShapes(const std::vector<cv::dnn::MatShape>& inputs, int, std::vector<cv::dnn::MatShape>& outputs,
                       std::vector<cv::dnn::MatShape>&) const override {
    CV_Assert(inputs.size() == 1 && inputs[0].size() == (is_convolution ? 4 : 2));
    CV_Assert(static_cast<std::size_t>(inputs[0][1]) == packed_.columns());
    outputs = inputs;
    outputs[0][1] = static_cast<int>(packed_.rows());
    return false;
  }

  // OpenCV knows the shapes: the time to make a plan, and the last one to allocate.
  void finalize(cv::InputArrayOfArrays inputs, cv::OutputArrayOfArrays) override {
    const cv::Mat input = inputs.getMat(0);
    const std::size_t threads = opencv_executor().concurrency();
    if constexpr (is_convolution) {
      plan_ = check(plan::create(packed_, {.columns = input.total(2), .threads = threads}));
    } else {
      plan_ = check(plan::create(packed_, {.tokens = static_cast<std::size_t>(input.size[0]), .threads = threads}));
    }
    workspace_ = check(bcr::buffer<std::byte>::allocate(plan_->workspace_bytes()));
  }

  // OpenCV offers the layer that follows. A ReLU, whole or capped, needs no pass of its own.
  bool tryFuse(cv::Ptr<cv::dnn::Layer>& next) override {
    if (is_fused_) return false;
    if (const auto relu = next.dynamicCast<cv::dnn::ReLULayer>(); relu && relu->negativeSlope == 0) {
      activation_.low = 0;
    } else if (const auto capped = next.dynamicCast<cv::dnn::ReLU6Layer>()) {
      activation_ = {capped->minValue, capped->maxValue};
    } else {
      return false;
    }
    return is_fused_ = true;
  }

  void forward(cv::InputArrayOfArrays inputs, cv::OutputArrayOfArrays outputs, cv::OutputArrayOfArrays) override {
    const cv::Mat in = inputs.getMat(0);
    cv::Mat out = outputs.getMat(0);
    const auto images = static_cast<std::size_t>(in.size[0]);
    const std::size_t k = packed_.columns(), m = packed_.rows();
    if constexpr (is_convolution) {
      const std::size_t pixels = in.total(2);
      for (int i = 0; i < in.size[0]; ++i) run({in.ptr<float>(i), k, pixels}, {out.ptr<float>(i), m, pixels});
    } else {
      run({in.ptr<float>(), images, k}, {out.ptr<float>(), images, m});
    }
  }

 private:
  void run(bcr::matrix_view<const float> in, bcr::matrix_view<float> out) {
    const auto epilogue = bcr::epilogue::chain(bias{bias_.data()}, activation_);
    check(plan_->run(in, out, workspace_, epilogue, opencv_executor()));
  }

  packed_layer packed_;
  std::vector<float> bias_;
  clamp activation_{-std::numeric_limits<float>::infinity(), std::numeric_limits<float>::infinity()};
  bool is_fused_ = false;
  std::optional<plan> plan_;
  bcr::buffer<std::byte> workspace_;
};

using bcr_convolution = bcr_layer<bcr::gemm_plan>;
using bcr_fully_connected = bcr_layer<bcr::linear_plan>;

// Whether all numbers of a layer's parameter have this value; one that is absent has it.
inline bool all_are(const cv::dnn::LayerParams& params, const char* name, int value) {
  if (!params.has(name)) return true;
  const cv::dnn::DictValue& values = params.get(name);
  for (int i = 0; i < values.size(); ++i) {
    if (values.get<int>(i) != value) return false;
  }
  return true;
}

inline bool has_float_weights(const cv::dnn::LayerParams& params, int dimensions) {
  return !params.blobs.empty() && params.blobs[0].type() == CV_32F && params.blobs[0].dims == dimensions;
}

// What OpenCV calls when it meets a convolution or a fully connected layer in a model.
inline cv::Ptr<cv::dnn::Layer> create_convolution(cv::dnn::LayerParams& params) {
  if (has_float_weights(params, 4) && all_are(params, "kernel_size", 1) && all_are(params, "stride", 1) &&
      all_are(params, "pad", 0) && all_are(params, "group", 1)) {
    if (auto packed = pack_if_pruned(params.blobs[0])) {
      return cv::Ptr<cv::dnn::Layer>(new bcr_convolution(params, std::move(*packed)));
    }
  }
  return cv::dnn::ConvolutionLayer::create(params);
}
inline cv::Ptr<cv::dnn::Layer> create_fully_connected(cv::dnn::LayerParams& params) {
  if (has_float_weights(params, 2) && params.get<int>("axis", 1) == 1) {
    if (auto packed = pack_if_pruned(params.blobs[0])) {
      return cv::Ptr<cv::dnn::Layer>(new bcr_fully_connected(params, std::move(*packed)));
    }
  }
  return cv::dnn::InnerProductLayer::create(params);
}

// From here on, until unregister_bcr_layers(), networks that are read have bcr's layers where they can.
inline void register_bcr_layers() {
  cv::dnn::LayerFactory::registerLayer("Convolution", create_convolution);
  cv::dnn::LayerFactory::registerLayer("InnerProduct", create_fully_connected);
}
inline void unregister_bcr_layers() {
  cv::dnn::LayerFactory::unregisterLayer("Convolution");
  cv::dnn::LayerFactory::unregisterLayer("InnerProduct");
}
