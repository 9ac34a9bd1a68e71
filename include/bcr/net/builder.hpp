// Writes a network down, at compile time: every call adds a layer and infers the shape of its result.
//
//   constexpr auto small = [] {
//     bcr::net::builder<> net("small");
//     const auto x = net.input({.channels = 3, .height = 32, .width = 32});
//     const auto y = x.conv("conv1", {.outputs = 16, .window = bcr::net::square(3, 1, 1)}).batch_norm("bn1").relu();
//     const auto z = y.conv("conv2", {.outputs = 16, .window = bcr::net::square(3, 1, 1)}).add("sum", y).relu();
//     return net.finish(z.global_average("pool").linear("fc", {.outputs = 10}));
//   }();
//
// What cannot be is written into the layer as a sentence; net/check.hpp makes it an error of the compiler's that names
// the layer, before anything is made of the network.
#pragma once

#include <cstddef>

#include "bcr/core/image.hpp"
#include "bcr/net/record.hpp"
#include "bcr/op/pooling.hpp"

namespace bcr::net {

constexpr window2d square(std::size_t kernel, std::size_t stride = 1, std::size_t padding = 0) noexcept {
  return {.kernel = {kernel, kernel}, .stride = {stride, stride}, .padding = pad_all(padding)};
}

struct conv_options {
  std::size_t outputs = 0;
  window2d window{};
  std::size_t groups = 1;
  bool bias = false;
  weight_storage weights{};
};
struct linear_layer_options {
  std::size_t outputs = 0;
  bool bias = true;
  weight_storage weights{};
};
struct pool_options {
  window2d window{};
  bool ceil_mode = false;
  bool count_include_pad = true;
};

template <std::size_t Capacity>
class builder;

// A layer's result: what the next layer is written on. Knows its builder, and lives no longer.
template <std::size_t Capacity>
class tensor {
 public:
  constexpr tensor(builder<Capacity>& net, layer_number number) noexcept : net_(&net), number_(number) {}

  constexpr layer_number number() const noexcept { return number_; }
  constexpr const image_shape& shape() const noexcept;

  // Depthwise where the groups are the channels.
  constexpr tensor conv(const char* name, const conv_options& options) const noexcept;
  // Of all elements of an item, channel by channel.
  constexpr tensor linear(const char* name, const linear_layer_options& options) const noexcept;
  // After a convolution or a linear layer, into whose weights it disappears.
  constexpr tensor batch_norm(const char* name) const noexcept;
  constexpr tensor activate(function f, const char* name = "activation") const noexcept;
  constexpr tensor relu() const noexcept { return activate(function::relu, "relu"); }
  constexpr tensor relu6() const noexcept { return activate(function::relu6, "relu6"); }
  constexpr tensor add(const char* name, const tensor& other) const noexcept;
  constexpr tensor concat(const char* name, const tensor& other) const noexcept;
  constexpr tensor max_pool(const char* name, const pool_options& options) const noexcept;
  constexpr tensor average_pool(const char* name, const pool_options& options) const noexcept;
  constexpr tensor global_average(const char* name) const noexcept;
  constexpr tensor softmax(const char* name) const noexcept;  // over the channels, of images of one pixel

 private:
  constexpr layer begin(const char* name, operation kind) const noexcept {
    layer made{.name = name, .kind = kind, .shape = shape()};
    made.inputs[made.input_count++] = number_;
    return made;
  }
  constexpr tensor pool(const char* name, operation kind, const pool_options& options) const noexcept;

  builder<Capacity>* net_;
  layer_number number_;
};

// Has room for so many layers.
template <std::size_t Capacity = 192>
class builder {
 public:
  constexpr explicit builder(const char* name) noexcept { made_.name = name; }

  constexpr tensor<Capacity> input(const image_shape& shape) noexcept {
    layer made{.name = "input", .shape = shape};
    if (shape.elements() == 0) made.error = "The input of the network has no elements.";
    return push(made);
  }
  constexpr network<Capacity> finish(const tensor<Capacity>& output) noexcept {
    made_.output = output.number();
    if (made_.layers[0].kind != operation::input) made_.layers[0].error = "A network begins with its input.";
    return made_;
  }

  constexpr tensor<Capacity> push(layer l) noexcept {
    if (l.error == nullptr && l.kind == operation::input && made_.count != 0) {
      l.error = "A network has one input.";
    }
    for (std::size_t i = 0; i < made_.count && has_parameters(l.kind); ++i) {
      if (has_parameters(made_.layers[i].kind) && same(made_.layers[i].name, l.name)) {
        l.error = "Another layer with parameters has the same name.";
      }
    }
    if (made_.count == Capacity) {
      made_.layers[Capacity - 1].error = "The network has more layers than its builder has room for.";
      return {*this, static_cast<layer_number>(Capacity - 1)};
    }
    made_.layers[made_.count] = l;
    return {*this, static_cast<layer_number>(made_.count++)};
  }
  constexpr const layer& at(layer_number number) const noexcept { return made_.layers[number]; }

 private:
  static constexpr bool has_parameters(operation kind) noexcept {
    return kind == operation::convolution || kind == operation::linear || kind == operation::batch_norm;
  }
  static constexpr bool same(const char* a, const char* b) noexcept {
    for (; *a == *b; ++a, ++b) {
      if (*a == '\0') return true;
    }
    return false;
  }

  network<Capacity> made_{};
};

template <std::size_t C>
constexpr const image_shape& tensor<C>::shape() const noexcept {
  return net_->at(number_).shape;
}

constexpr const char* check_storage(const weight_storage& weights) noexcept {
  if (weights.kind == storage::dense || (weights.block_rows != 0 && weights.block_columns != 0)) return nullptr;
  return "Pruned weights have blocks of at least one row and column.";
}

template <std::size_t C>
constexpr tensor<C> tensor<C>::conv(const char* name, const conv_options& options) const noexcept {
  layer made = begin(name, operation::convolution);
  made.window = options.window;
  made.groups = options.groups;
  made.has_bias = options.bias;
  made.weights = options.weights;
  const extent2d at = options.window.positions(shape());
  made.shape = {shape().batch, options.outputs, at.height, at.width};
  made.error = check_storage(options.weights);
  if (options.weights.kind == storage::bcr && options.groups != 1) made.error = "Pruned weights have no groups.";
  if (options.outputs == 0) made.error = "A layer has outputs.";
  if (at.height == 0 || at.width == 0) made.error = "The window does not fit into the padded image.";
  if (options.groups == 0 || shape().channels % options.groups != 0) {
    made.error = "The channels of the input do not divide into the groups.";
  } else if (options.outputs % options.groups != 0) {
    made.error = "The channels of the output do not divide into the groups.";
  }
  return net_->push(made);
}

template <std::size_t C>
constexpr tensor<C> tensor<C>::linear(const char* name, const linear_layer_options& options) const noexcept {
  layer made = begin(name, operation::linear);
  made.has_bias = options.bias;
  made.weights = options.weights;
  made.shape = {shape().batch, options.outputs, 1, 1};
  made.error = check_storage(options.weights);
  if (options.outputs == 0) made.error = "A layer has outputs.";
  return net_->push(made);
}

template <std::size_t C>
constexpr tensor<C> tensor<C>::batch_norm(const char* name) const noexcept {
  layer made = begin(name, operation::batch_norm);
  const operation before = net_->at(number_).kind;
  if (before != operation::convolution && before != operation::linear) {
    made.error = "A batch normalisation follows a convolution or a linear layer.";
  }
  return net_->push(made);
}

template <std::size_t C>
constexpr tensor<C> tensor<C>::activate(function f, const char* name) const noexcept {
  layer made = begin(name, operation::activation);
  made.activation = f;
  return net_->push(made);
}

template <std::size_t C>
constexpr tensor<C> tensor<C>::add(const char* name, const tensor& other) const noexcept {
  layer made = begin(name, operation::add);
  made.inputs[made.input_count++] = other.number_;
  if (shape() != other.shape()) made.error = "What is to be added is not of the same shape.";
  return net_->push(made);
}

template <std::size_t C>
constexpr tensor<C> tensor<C>::concat(const char* name, const tensor& other) const noexcept {
  layer made = begin(name, operation::concat);
  made.inputs[made.input_count++] = other.number_;
  const image_shape& more = other.shape();
  made.shape.channels += more.channels;
  if (shape().batch != more.batch || shape().height != more.height || shape().width != more.width) {
    made.error = "Images whose channels are put together have the same height and width.";
  }
  return net_->push(made);
}

template <std::size_t C>
constexpr tensor<C> tensor<C>::pool(const char* name, operation kind, const pool_options& options) const noexcept {
  layer made = begin(name, kind);
  made.window = options.window;
  made.ceil_mode = options.ceil_mode;
  made.count_include_pad = options.count_include_pad;
  const extent2d at = pooled_positions(shape(), options.window, options.ceil_mode);
  made.shape.height = at.height;
  made.shape.width = at.width;
  const padding2d& p = options.window.padding;
  const extent2d& kernel = options.window.kernel;
  if (p.top >= kernel.height || p.bottom >= kernel.height || p.left >= kernel.width || p.right >= kernel.width) {
    made.error = "A pooling window's padding is smaller than its kernel.";
  }
  if (kind == operation::average_pool && options.window.dilation != extent2d{}) {
    made.error = "Average pooling has no dilation.";
  }
  if (at.height == 0 || at.width == 0) made.error = "The window does not fit into the padded image.";
  return net_->push(made);
}
template <std::size_t C>
constexpr tensor<C> tensor<C>::max_pool(const char* name, const pool_options& options) const noexcept {
  return pool(name, operation::max_pool, options);
}
template <std::size_t C>
constexpr tensor<C> tensor<C>::average_pool(const char* name, const pool_options& options) const noexcept {
  return pool(name, operation::average_pool, options);
}
template <std::size_t C>
constexpr tensor<C> tensor<C>::global_average(const char* name) const noexcept {
  layer made = begin(name, operation::global_average);
  made.shape.height = made.shape.width = 1;
  return net_->push(made);
}
template <std::size_t C>
constexpr tensor<C> tensor<C>::softmax(const char* name) const noexcept {
  layer made = begin(name, operation::softmax);
  if (shape().pixels() != 1) made.error = "A softmax is over the channels of images of one pixel.";
  return net_->push(made);
}

}  // namespace bcr::net
