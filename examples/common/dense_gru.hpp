// Dense layers of gated recurrent units on oneDNN, at its best: weights packed as the library likes them.
#pragma once

#include <omp.h>

#include <cstring>
#include <oneapi/dnnl/dnnl.hpp>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gru_layer.hpp"

// A layer is oneDNN's "linear before reset" GRU, whose formulas are PyTorch's. Of its four biases the last is the
// recurrent one of n.
class dense_gru {
  using memory = dnnl::memory;
  using tag = memory::format_tag;

 public:
  // Each run takes so many frames.
  dense_gru(std::span<const gru_layer> layers, std::size_t frames) : frames_(static_cast<memory::dim>(frames)) {
    omp_set_num_threads(1);
    for (const gru_layer& layer : layers) add(layer);
  }

  // Begins again: nothing has been heard.
  void reset() {
    for (step& s : steps_) {
      const memory& state = s.arguments.at(DNNL_ARG_SRC_ITER);
      std::memset(state.get_data_handle(), 0, state.get_desc().get_size());
    }
  }

  // Frames in, the last layer's state after them out, which the next run begins with.
  const std::vector<float>& run(const float* frames) {
    steps_[0].arguments.at(DNNL_ARG_SRC_LAYER).set_data_handle(const_cast<float*>(frames));  // only ever read
    for (step& s : steps_) {
      s.primitive.execute(stream_, s.arguments);
      stream_.wait();
      // What came out is the state that goes in next.
      const memory& state = s.arguments.at(DNNL_ARG_DST_ITER);
      std::memcpy(s.arguments.at(DNNL_ARG_SRC_ITER).get_data_handle(), state.get_data_handle(),
                  state.get_desc().get_size());
    }
    const auto* const h = static_cast<const float*>(steps_.back().arguments.at(DNNL_ARG_DST_ITER).get_data_handle());
    output_.assign(h, h + steps_.back().units);
    return output_;
  }

  std::size_t weight_bytes() const { return weight_bytes_; }

 private:
  struct step {
    dnnl::lbr_gru_forward primitive;
    std::unordered_map<int, memory> arguments;
    std::size_t units;
  };

  static memory::desc floats(memory::dims extents, tag layout) {
    return {std::move(extents), memory::data_type::f32, layout};
  }

  void add(const gru_layer& layer) {
    const auto i = static_cast<memory::dim>(layer.inputs), h = static_cast<memory::dim>(layer.units);
    constexpr memory::dim one = 1, three = gates;
    const auto x = floats({frames_, one, i}, tag::tnc), y = floats({frames_, one, h}, tag::tnc);
    const auto state = floats({one, one, one, h}, tag::ldnc), bias = floats({one, one, three + 1, h}, tag::ldgo);
    const auto best = describe(x, state, floats({one, one, i, three, h}, tag::any),
                               floats({one, one, h, three, h}, tag::any), bias, y);
    std::vector<float> biases = layer.input_bias;
    for (std::size_t k = 0; k < 2 * layer.units; ++k) biases[k] += layer.recurrent_bias[k];
    biases.insert(biases.end(), layer.recurrent_bias.begin() + 2 * static_cast<std::ptrdiff_t>(layer.units),
                  layer.recurrent_bias.end());
    memory bias_memory(bias, engine_), zeros(state, engine_);
    std::memcpy(bias_memory.get_data_handle(), biases.data(), biases.size() * sizeof(float));
    std::memset(zeros.get_data_handle(), 0, layer.units * sizeof(float));
    const memory input = packed(best.weights_layer_desc(), {one, one, i, three, h}, layer.input);
    const memory recurrent = packed(best.weights_iter_desc(), {one, one, h, three, h}, layer.recurrent);
    memory workspace(best.workspace_desc(), engine_);
    steps_.push_back(
        {dnnl::lbr_gru_forward(best),
         {{DNNL_ARG_SRC_LAYER, steps_.empty() ? memory(x, engine_) : steps_.back().arguments.at(DNNL_ARG_DST_LAYER)},
          {DNNL_ARG_SRC_ITER, zeros},
          {DNNL_ARG_WEIGHTS_LAYER, input},
          {DNNL_ARG_WEIGHTS_ITER, recurrent},
          {DNNL_ARG_BIAS, bias_memory},
          {DNNL_ARG_DST_LAYER, memory(y, engine_)},
          {DNNL_ARG_DST_ITER, memory(state, engine_)},
          {DNNL_ARG_WORKSPACE, workspace}},
         layer.units});
    weight_bytes_ += (layer.input.size() + layer.recurrent.size()) * sizeof(float);
  }

  dnnl::lbr_gru_forward::primitive_desc describe(const memory::desc& x, const memory::desc& state,
                                                 const memory::desc& input, const memory::desc& recurrent,
                                                 const memory::desc& bias, const memory::desc& y) const {
    constexpr auto inference = dnnl::prop_kind::forward_inference;
    constexpr auto forward = dnnl::rnn_direction::unidirectional_left2right;
#if DNNL_VERSION_MAJOR >= 3
    return {engine_, inference, forward, x, state, input, recurrent, bias, y, state};
#else
    return {{inference, forward, x, state, input, recurrent, bias, y, state}, engine_};
#endif
  }

  memory packed(const memory::desc& wanted, memory::dims extents, const std::vector<float>& weights) {
    memory plain(floats(std::move(extents), tag::ldgoi), engine_), made(wanted, engine_);
    std::memcpy(plain.get_data_handle(), weights.data(), weights.size() * sizeof(float));
    dnnl::reorder(plain, made).execute(stream_, plain, made);
    stream_.wait();
    return made;
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  memory::dim frames_;
  std::size_t weight_bytes_ = 0;
  std::vector<float> output_;
  std::vector<step> steps_;
};
