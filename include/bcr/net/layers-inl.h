// The steps of a network on a target's kernels: each is made once, of its layer's record and parameters, and then runs
// from results to a result. Their types follow from the records, so that a program has the kernels that its networks
// use, and no others.
#if defined(BCR_NET_LAYERS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_NET_LAYERS_INL_H_
#undef BCR_NET_LAYERS_INL_H_
#else
#define BCR_NET_LAYERS_INL_H_
#endif

#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "bcr/kernel/conv2d-inl.h"
#include "bcr/kernel/dense_conv-inl.h"
#include "bcr/kernel/depthwise-inl.h"
#include "bcr/kernel/gemm-inl.h"
#include "bcr/kernel/pooling-inl.h"
#include "bcr/kernel/rows-inl.h"
#include "bcr/net/form.hpp"
#include "bcr/net/pack.hpp"
#include "bcr/net/parameters.hpp"
#include "bcr/net/record.hpp"
#include "bcr/net/steps.hpp"
#include "bcr/op/conv2d.hpp"
#include "bcr/op/dense_conv2d.hpp"
#include "bcr/op/depthwise.hpp"
#include "bcr/op/linear.hpp"
#include "bcr/op/pointwise.hpp"
#include "bcr/op/pooling.hpp"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// What a step is made of.
template <class T>
struct StepMaking {
  const net::layer& layer;  // the main one
  std::span<const image_shape> inputs;
  image_shape output;
  net::layer_weights<T> loaded;
  std::size_t threads;
  // Of the first input, the residual and the output.
  channel_margins input_margins = {}, residual_margins = {}, output_margins = {};
};
// What it runs on: results as they lie in memory, with their margins.
template <class T>
struct StepOperands {
  const T* inputs[net::most_inputs];
  const T* residual;  // its first pixel
  T* output;
  std::span<std::byte> workspace;
};

// What a step without memory, kernel or weights of its own says of these.
struct StepDefaults {
  std::size_t workspace_bytes() const noexcept { return 0; }
  const char* kernel_name() const noexcept { return ""; }
  std::size_t weights_kept() const noexcept { return 0; }
};

template <net::function F>
constexpr auto ActivationOf() noexcept {
  if constexpr (F == net::function::none) return epilogue::none{};
  if constexpr (F == net::function::relu) return epilogue::relu{};
  if constexpr (F == net::function::relu6) return epilogue::relu6{};
  if constexpr (F == net::function::sigmoid) return epilogue::sigmoid{};
  if constexpr (F == net::function::tanh) return epilogue::tanh{};
  if constexpr (F == net::function::silu) return epilogue::silu{};
  if constexpr (F == net::function::hard_swish) return epilogue::hard_swish{};
  if constexpr (F == net::function::gelu) return epilogue::gelu{};
}

// A bias, a residual or none, an activation or none.
template <class T, bool Residual, net::function F>
constexpr auto StepEpilogue(const T* bias, const T* residual, std::size_t leading_dimension) noexcept {
  constexpr auto activation = ActivationOf<F>();
  if constexpr (Residual && F != net::function::none) {
    return epilogue::chain(epilogue::bias<T>{bias}, epilogue::residual<T>{residual, leading_dimension}, activation);
  } else if constexpr (Residual) {
    return epilogue::chain(epilogue::bias<T>{bias}, epilogue::residual<T>{residual, leading_dimension});
  } else if constexpr (F != net::function::none) {
    return epilogue::chain(epilogue::bias<T>{bias}, activation);
  } else {
    return epilogue::chain(epilogue::bias<T>{bias});
  }
}
template <class T, bool Residual, net::function F>
using StepEpilogueOf = decltype(StepEpilogue<T, Residual, F>(nullptr, nullptr, 0));

// What a step that runs a plan says of it.
template <class Plan>
class PlannedStep {
 public:
  std::size_t workspace_bytes() const noexcept { return plan_->workspace_bytes(); }
  const char* kernel_name() const noexcept { return plan_->kernel_name(); }

 protected:
  status take(result<Plan> made) noexcept {
    if (!made) return made.status();
    plan_.emplace(std::move(*made));
    return {};
  }

  std::optional<Plan> plan_;
};

// From an image to an image, by a plan with an epilogue.
template <class T, bool Residual, net::function F, template <class, class> class Plan>
class ConvolutionStep : public PlannedStep<Plan<T, StepEpilogueOf<T, Residual, F>>> {
 public:
  std::size_t weights_kept() const noexcept { return loaded_.rows * loaded_.columns; }

  template <executor Executor>
  status run(const StepOperands<T>& on, Executor& threads) const noexcept {
    return this->plan_->run({on.inputs[0], input_elements_}, {on.output, output_elements_}, on.workspace,
                            StepEpilogue<T, Residual, F>(loaded_.bias.data(), on.residual, residual_step_), threads);
  }

 protected:
  using epilogue_type = StepEpilogueOf<T, Residual, F>;
  using plan_type = Plan<T, epilogue_type>;

  void begin(StepMaking<T>& how) noexcept {
    loaded_ = std::move(how.loaded);
    input_ = how.inputs[0];
    input_elements_ = how.input_margins.elements(input_);
    output_elements_ = how.output_margins.elements(how.output);
    residual_step_ = how.residual_margins.channel_step(how.output);
  }

  net::layer_weights<T> loaded_;
  image_shape input_;
  std::size_t input_elements_ = 0, output_elements_ = 0, residual_step_ = 0;
};

template <class T, bool Residual, net::function F>
class DenseConvolutionStep : public ConvolutionStep<T, Residual, F, basic_dense_conv2d_plan> {
 public:
  status create(StepMaking<T>&& how) noexcept {
    using plan = typename DenseConvolutionStep::plan_type;
    this->begin(how);
    const status made = this->take(plan::create(
        kDenseConvKernels<T, typename DenseConvolutionStep::epilogue_type>, this->loaded_.view(),
        {.input = this->input_, .window = how.layer.window, .groups = how.layer.groups, .threads = how.threads}));
    this->loaded_.drop_dense();  // the plan has its own
    return made;
  }
};

template <class T, bool Residual, net::function F>
class DepthwiseStep : public ConvolutionStep<T, Residual, F, basic_depthwise_plan> {
 public:
  status create(StepMaking<T>&& how) noexcept {
    using plan = typename DepthwiseStep::plan_type;
    this->begin(how);
    return this->take(plan::create(kDepthwiseKernels<T, typename DepthwiseStep::epilogue_type>, this->loaded_.view(),
                                   {.input = this->input_,
                                    .window = how.layer.window,
                                    .threads = how.threads,
                                    .output_margins = how.output_margins}));
  }
};

// Packs a layer's weights, of which nothing else is kept, or takes those that are packed.
template <blob_layout Layout, bool All, block_shape Block, class T>
status PackInto(std::optional<packed_weights<T, Block, Layout>>& packed, net::layer_weights<T>& weights) noexcept {
  auto made = net::pack_layer<Layout, Block, All>(weights);
  if (!made) return made.status();
  weights.drop_dense();
  packed.emplace(std::move(*made));
  return {};
}

// A convolution on packed weights. Those of a window of one element that are not pruned are packed as a pattern that
// keeps all: without a copy of the image that is faster than the dense convolution.
template <class T, class Epilogue>
using ConvolutionOfPacked = basic_conv2d_plan<T, Epilogue>;
template <class T, bool Residual, net::function F, block_shape Block, bool All>
class PackedConvolutionStep : public ConvolutionStep<T, Residual, F, ConvolutionOfPacked> {
 public:
  status create(StepMaking<T>&& how) noexcept {
    using plan = typename PackedConvolutionStep::plan_type;
    this->begin(how);
    if (const status s = PackInto<blob_layout::panels, All>(packed_, this->loaded_); !s) return s;
    return this->take(plan::create(kConv2dKernels<T, typename PackedConvolutionStep::epilogue_type, T, false>, *packed_,
                                   {.input = this->input_,
                                    .window = how.layer.window,
                                    .threads = how.threads,
                                    .tile_vectors = how.layer.weights.tile_vectors,
                                    .input_margins = how.input_margins,
                                    .output_margins = how.output_margins}));
  }
  std::size_t weights_kept() const noexcept { return packed_->kept(); }

 private:
  std::optional<packed_weights<T, Block>> packed_;
};

// Linear layers, an item of the batch a token. Weights that are not pruned are packed as a pattern that keeps all.
template <class T, bool Residual, net::function F, block_shape Block, bool All>
class LinearStep : public PlannedStep<basic_linear_plan<T, StepEpilogueOf<T, Residual, F>>> {
 public:
  status create(StepMaking<T>&& how) noexcept {
    using epilogue_type = StepEpilogueOf<T, Residual, F>;
    loaded_ = std::move(how.loaded);
    batch_ = how.output.batch;
    if (const status s = PackInto<blob_layout::bands, All>(packed_, loaded_); !s) return s;
    return this->take(basic_linear_plan<T, epilogue_type>::create(
        kLinearKernels<T, epilogue_type, T, true>, *packed_,
        {.tokens = batch_, .threads = how.threads, .tile_vectors = how.layer.weights.tile_vectors}));
  }
  std::size_t weights_kept() const noexcept { return packed_->kept(); }

  template <executor Executor>
  status run(const StepOperands<T>& on, Executor& threads) const noexcept {
    return this->plan_->run({on.inputs[0], batch_, loaded_.columns}, {on.output, batch_, loaded_.rows}, on.workspace,
                            StepEpilogue<T, Residual, F>(loaded_.bias.data(), on.residual, loaded_.rows), threads);
  }

 private:
  net::layer_weights<T> loaded_;
  std::size_t batch_ = 0;
  std::optional<packed_weights<T, Block, blob_layout::bands>> packed_;
};

template <class T>
class PoolingStep : public PlannedStep<basic_pooling_plan<T>> {
 public:
  status create(StepMaking<T>&& how) noexcept {
    input_elements_ = how.inputs[0].elements();
    output_elements_ = how.output_margins.elements(how.output);
    return this->take(basic_pooling_plan<T>::create(
        kPoolingKernels<T>, {.input = how.inputs[0],
                             .window = how.layer.window,
                             .kind = how.layer.kind == net::operation::max_pool ? pooling::maximum : pooling::average,
                             .ceil_mode = how.layer.ceil_mode,
                             .count_include_pad = how.layer.count_include_pad,
                             .threads = how.threads,
                             .output_margins = how.output_margins}));
  }
  std::size_t weights_kept() const noexcept { return 0; }

  template <executor Executor>
  status run(const StepOperands<T>& on, Executor& threads) const noexcept {
    return this->plan_->run({on.inputs[0], input_elements_}, {on.output, output_elements_}, on.workspace, threads);
  }

 private:
  std::size_t input_elements_ = 0, output_elements_ = 0;
};

template <class T>
class GlobalAverageStep : public StepDefaults {
 public:
  status create(StepMaking<T>&& how) noexcept {
    input_ = how.inputs[0];
    return {};
  }
  template <executor Executor>
  status run(const StepOperands<T>& on, Executor& threads) const noexcept {
    return detail::global_average<T>(kPoolingKernels<T>, {on.inputs[0], input_.elements()}, input_,
                                     {on.output, input_.batch * input_.channels}, threads);
  }

 private:
  image_shape input_;
};

// A sum of two results, or one alone, and an activation.
template <class T, bool Sum, net::function F>
class PointwiseStep : public StepDefaults {
 public:
  status create(StepMaking<T>&& how) noexcept {
    output_ = how.output;
    return {};
  }
  template <executor Executor>
  status run(const StepOperands<T>& on, Executor& threads) const noexcept {
    const std::size_t rows = output_.batch * output_.channels, columns = output_.pixels();
    const matrix_view<const T> x(on.inputs[0], rows, columns);
    const matrix_view<T> y(on.output, rows, columns);
    constexpr auto activation = ActivationOf<F>();
    if constexpr (Sum) {
      const auto sum = epilogue::chain(epilogue::residual<T>{on.inputs[1], columns}, activation);
      return detail::map(kMapKernels<T, std::remove_const_t<decltype(sum)>>, x, y, sum, threads);
    } else {
      return detail::map(kMapKernels<T, std::remove_const_t<decltype(activation)>>, x, y, activation, threads);
    }
  }

 private:
  image_shape output_;
};

template <class T>
class SoftmaxStep : public StepDefaults {
 public:
  status create(StepMaking<T>&& how) noexcept {
    output_ = how.output;
    return {};
  }
  template <executor Executor>
  status run(const StepOperands<T>& on, Executor& threads) const noexcept {
    return detail::softmax<T>(kRowKernels<T>, {on.inputs[0], output_.batch, output_.channels},
                              {on.output, output_.batch, output_.channels}, threads);
  }

 private:
  image_shape output_;
};

template <class T>
class ConcatStep : public StepDefaults {
 public:
  status create(StepMaking<T>&& how) noexcept {
    output_ = how.output;
    for (const image_shape& in : how.inputs) channels_[count_++] = in.channels;
    return {};
  }
  template <executor Executor>
  status run(const StepOperands<T>& on, Executor&) const noexcept {
    channels_view<T> parts[net::most_inputs];
    for (std::size_t i = 0; i < count_; ++i) parts[i] = {on.inputs[i], channels_[i]};
    return concat_channels<T>({parts, count_}, output_.batch, output_.pixels(), on.output);
  }

 private:
  image_shape output_;
  std::size_t channels_[net::most_inputs] = {}, count_ = 0;
};

// The type of step `I` of a network's program.
template <class T, const auto& Net, const auto& Program, std::size_t I>
constexpr auto StepType() noexcept {
  using net::operation;
  constexpr net::step s = Program.steps[I];
  constexpr net::layer l = Net.layers[s.main];
  constexpr bool residual = s.residual != net::no_layer, dense = l.weights.kind == net::storage::dense;
  constexpr net::function f = s.activation;
  constexpr image_shape in = Net.layers[s.inputs[0]].shape;
  constexpr weights_form form = net::form_of(Net, s);
  using blocks = net::block_of<l.weights>;
  if constexpr (l.kind == operation::convolution) {
    if constexpr (form == weights_form::panels) {
      return std::type_identity<PackedConvolutionStep<T, residual, f, blocks, dense>>();
    } else if constexpr (net::is_depthwise(l, in)) {
      return std::type_identity<DepthwiseStep<T, residual, f>>();
    } else {
      return std::type_identity<DenseConvolutionStep<T, residual, f>>();
    }
  } else if constexpr (l.kind == operation::linear) {
    return std::type_identity<LinearStep<T, residual, f, blocks, dense>>();
  } else if constexpr (l.kind == operation::max_pool || l.kind == operation::average_pool) {
    return std::type_identity<PoolingStep<T>>();
  } else if constexpr (l.kind == operation::global_average) {
    return std::type_identity<GlobalAverageStep<T>>();
  } else if constexpr (l.kind == operation::softmax) {
    return std::type_identity<SoftmaxStep<T>>();
  } else if constexpr (l.kind == operation::concat) {
    return std::type_identity<ConcatStep<T>>();
  } else {
    return std::type_identity<PointwiseStep<T, l.kind == operation::add, f>>();
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_NET_LAYERS_INL_H_
