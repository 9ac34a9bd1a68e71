// Random parameters for a network, and what it computes, layer by layer in double precision.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bcr/net/record.hpp"
#include "op/image_case.hpp"
#include "support/random_pattern.hpp"

namespace bcr::test {

class parameters {
 public:
  // Weights small enough that results stay about 1, and with zeros in blocks where they are pruned.
  template <std::size_t N>
  parameters(const net::network<N>& of, std::uint64_t seed) : random_(seed) {
    for (std::size_t i = 0; i < of.count; ++i) {
      const net::layer& l = of[i];
      const std::string name = l.name;
      if (l.kind == net::operation::convolution || l.kind == net::operation::linear) {
        const std::size_t columns = of.weight_columns(i);
        draw(name + "/weight", l.weight_rows() * columns, 1.5 / std::sqrt(static_cast<double>(columns)));
        if (l.weights.kind == net::storage::bcr) prune(all_[name + "/weight"], columns, l.weights);
        if (l.has_bias) draw(name + "/bias", l.weight_rows(), 0.5);
      } else if (l.kind == net::operation::batch_norm) {
        for (const char* const p : {"/weight", "/bias", "/running_mean", "/running_var"}) {
          draw(name + p, l.shape.channels, 0.5);
        }
        for (float& v : all_[name + "/running_var"]) v += 1;
        for (float& v : all_[name + "/weight"]) v += 1;
      }
    }
  }

  std::span<const float> operator()(std::string_view layer, std::string_view parameter) const {
    const auto found = all_.find(std::string(layer) + "/" + std::string(parameter));
    return found == all_.end() ? std::span<const float>() : std::span<const float>(found->second);
  }
  std::map<std::string, std::vector<float>>& all() { return all_; }

 private:
  void draw(const std::string& name, std::size_t count, double scale) {
    for (std::size_t i = 0; i < count; ++i) {
      all_[name].push_back(static_cast<float>((2 * random_.uniform() - 1) * scale));
    }
  }
  // Half of every block's columns.
  static void prune(std::vector<float>& weights, std::size_t columns, const net::weight_storage& how) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const std::size_t block = i / columns / how.block_rows + i % columns / how.block_columns;
      if ((i % columns + block) % 2 == 0) weights[i] = 0;
    }
  }

  random_source random_;
  std::map<std::string, std::vector<float>> all_;
};

inline double activated(net::function f, double x) {
  using net::function;
  switch (f) {
    case function::relu:
      return std::max(x, 0.);
    case function::relu6:
      return std::clamp(x, 0., 6.);
    case function::sigmoid:
      return 1 / (1 + std::exp(-x));
    case function::tanh:
      return std::tanh(x);
    case function::silu:
      return x / (1 + std::exp(-x));
    case function::hard_swish:
      return x * std::clamp(x + 3, 0., 6.) / 6;
    case function::gelu:
      return x * (1 + std::erf(x / std::sqrt(2.))) / 2;
    case function::none:
      break;
  }
  return x;
}

// The results of all layers.
template <std::size_t N>
class network_reference {
 public:
  network_reference(const net::network<N>& of, const parameters& with, std::span<const float> input)
      : net_(of), with_(with), results_(of.count) {
    results_[0].assign(input.begin(), input.end());
    for (std::size_t i = 1; i < of.count; ++i) {
      results_[i].resize(of[i].shape.elements());
      run(i);
    }
  }
  const std::vector<double>& output() const { return results_[net_.output]; }

 private:
  void run(std::size_t number) {
    const net::layer& l = net_[number];
    const image_shape &in = net_[l.inputs[0]].shape, out = l.shape;
    const std::vector<double>& x = results_[l.inputs[0]];
    std::vector<double>& y = results_[number];
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t pixel = i % out.pixels(), channel = i / out.pixels() % out.channels;
      const std::size_t item = i / out.pixels() / out.channels;
      switch (l.kind) {
        case net::operation::convolution:
          y[i] = convolved(number, item, channel, pixel);
          break;
        case net::operation::linear:
          y[i] = product(l, net_.weight_columns(number), item, channel, x);
          break;
        case net::operation::batch_norm:
          y[i] = normalised(l.name, channel, x[i]);
          break;
        case net::operation::activation:
          y[i] = activated(l.activation, x[i]);
          break;
        case net::operation::add:
          y[i] = x[i] + results_[l.inputs[1]][i];
          break;
        case net::operation::concat:
          y[i] = concatenated(l, item, channel, pixel);
          break;
        case net::operation::max_pool:
        case net::operation::average_pool:
          y[i] = pooled(l, in, i / out.pixels(), pixel, x);
          break;
        case net::operation::global_average:
          for (std::size_t p = 0; p < in.pixels(); ++p) {
            y[i] += x[i * in.pixels() + p] / static_cast<double>(in.pixels());
          }
          break;
        case net::operation::softmax: {
          double sum = 0;
          for (std::size_t c = 0; c < out.channels; ++c) sum += std::exp(x[item * out.channels + c]);
          y[i] = std::exp(x[i]) / sum;
          break;
        }
        case net::operation::input:
          break;
      }
    }
  }

  double bias(const net::layer& l, std::size_t channel) const {
    return l.has_bias ? static_cast<double>(with_(l.name, "bias")[channel]) : 0;
  }
  double convolved(std::size_t number, std::size_t item, std::size_t channel, std::size_t pixel) const {
    const net::layer& l = net_[number];
    const image_shape& in = net_[l.inputs[0]].shape;
    const std::size_t inputs = in.channels / l.groups, outputs = l.shape.channels / l.groups;
    const std::size_t elements = l.window.kernel.height * l.window.kernel.width;
    const std::span<const float> weights = with_(l.name, "weight");
    double sum = bias(l, channel);
    for (std::size_t c = 0; c < inputs; ++c) {
      const double* const plane =
          results_[l.inputs[0]].data() + (item * in.channels + channel / outputs * inputs + c) * in.pixels();
      for_window(in, l.window, pixel / l.shape.width, pixel % l.shape.width, [&](std::size_t k, std::size_t at) {
        sum += static_cast<double>(weights[(channel * inputs + c) * elements + k]) * plane[at];
      });
    }
    return sum;
  }
  double product(const net::layer& l, std::size_t columns, std::size_t item, std::size_t row,
                 const std::vector<double>& x) const {
    double sum = bias(l, row);
    const std::span<const float> weights = with_(l.name, "weight");
    for (std::size_t k = 0; k < columns; ++k) {
      sum += static_cast<double>(weights[row * columns + k]) * x[item * columns + k];
    }
    return sum;
  }
  double normalised(const char* name, std::size_t channel, double x) const {
    const auto p = [&](const char* parameter) { return static_cast<double>(with_(name, parameter)[channel]); };
    return (x - p("running_mean")) / std::sqrt(p("running_var") + static_cast<double>(1e-5f)) * p("weight") + p("bias");
  }
  double concatenated(const net::layer& l, std::size_t item, std::size_t channel, std::size_t pixel) const {
    std::size_t k = 0;
    for (; channel >= net_[l.inputs[k]].shape.channels; ++k) channel -= net_[l.inputs[k]].shape.channels;
    const image_shape& in = net_[l.inputs[k]].shape;
    return results_[l.inputs[k]][(item * in.channels + channel) * in.pixels() + pixel];
  }
  static double pooled(const net::layer& l, const image_shape& in, std::size_t plane, std::size_t pixel,
                       const std::vector<double>& x) {
    double most = -std::numeric_limits<double>::infinity(), sum = 0, count = 0;
    for_window(in, l.window, pixel / l.shape.width, pixel % l.shape.width, [&](std::size_t, std::size_t at) {
      const double element = x[plane * in.pixels() + at];
      most = std::max(most, element);
      sum += element;
      count += 1;
    });
    return l.kind == net::operation::max_pool ? most : sum / count;
  }

  const net::network<N>& net_;
  const parameters& with_;
  std::vector<std::vector<double>> results_;
};

}  // namespace bcr::test
