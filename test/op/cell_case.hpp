// Cells for tests: weights as a framework has them, what is packed of them, and what a step should make of a state, by
// scalar code in double that knows frameworks' gates and nothing of the library's.
//
// Tolerance: a gate's argument, the sum of n products and a few more terms, is off by less than (n + 16) epsilon times
// the sum M of their magnitudes. The functions and products that follow pass at most that on, once for each of up to
// four gates, times the state c that one of them multiplies; where a product follows that has gates in it (a GRU that
// resets first, an output peephole), up to M times that. Hence 4 (n + 16) epsilon (1 + M) (1 + |c|), times 1 + M there.
// M is below 20 here, as weights are small enough that functions are not all saturated: a wrong term would show.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "op/operands.hpp"

namespace bcr::test {

inline constexpr cell_kind every_kind[] = {cell_kind::lstm, cell_kind::gru_reset_after, cell_kind::gru_reset_before,
                                           cell_kind::rnn_tanh, cell_kind::rnn_relu};

struct cell_shape {
  cell_kind kind = cell_kind::lstm;
  gate_order order = gate_order::pytorch;
  std::size_t inputs = 5, hidden = 20;
  std::size_t projected = 0;  // P, of an LSTM
  bool diagonal = false, peepholes = false, biases = true;
  pattern_options how = {.density = 0.4, .rows_kept = 0.75};

  std::size_t gates() const { return gates_of(kind); }
  std::size_t outputs() const { return projected != 0 ? projected : hidden; }
};

inline std::string describe(const cell_shape& s) {
  const char* const kinds[] = {"lstm", "gru_reset_after", "gru_reset_before", "rnn_tanh", "rnn_relu"};
  return std::string(kinds[static_cast<int>(s.kind)]) + (s.order == gate_order::onnx ? " onnx" : " pytorch") + " I " +
         std::to_string(s.inputs) + " H " + std::to_string(s.hidden) + " P " + std::to_string(s.projected) +
         (s.diagonal ? " diagonal" : "") + (s.peepholes ? " peepholes" : "") + (s.biases ? "" : " no biases");
}

// h and c of a batch, in double.
struct exact_state {
  std::vector<double> h, c;
};

// Matrices of another type than T are rounded to it first, and the steps are those of what they became. Of eight bits,
// the input, the state and what is made of it on the way are rounded as well, of which the steps know nothing.
template <class T, class Block, class W = T>
class cell_case {
 public:
  cell_case(const cell_shape& s, std::uint64_t seed)
      : shape(s),
        kept_input(random_pattern<Block>(pattern_rows(), s.inputs, s.how, seed)),
        kept_recurrent(random_pattern<Block>(pattern_rows(), s.outputs(), s.how, seed + 1)),
        kept_projection(random_pattern<Block>(s.projected, s.hidden, s.how, seed + 2)),
        input_(rounded(weights(s.gates() * s.hidden, s.inputs, seed + 3))),
        recurrent_(rounded(weights(s.gates() * s.hidden, s.outputs(), seed + 4))),
        projection_(rounded(weights(s.projected, s.hidden, seed + 5))),
        input_bias_(weights(1, s.gates() * s.hidden, seed + 6)),
        recurrent_bias_(weights(1, s.gates() * s.hidden, seed + 7)),
        peepholes_(weights(1, 3 * s.hidden, seed + 8)) {
    // What is pruned is not a number: if it took part, it would show.
    const T nan = std::numeric_limits<T>::quiet_NaN();
    for (std::size_t i = 0; i < s.gates() * s.hidden; ++i) {
      for (std::size_t k = 0; k < s.inputs; ++k) {
        if (!kept_input.keeps(pattern_row(i), k)) input_(i, k) = nan;
      }
      for (std::size_t k = 0; k < s.outputs(); ++k) {
        const bool on_diagonal = s.diagonal && k == i % s.hidden;
        if (!kept_recurrent.keeps(pattern_row(i), k) && !on_diagonal) recurrent_(i, k) = nan;
      }
    }
    for (std::size_t i = 0; i < s.projected; ++i) {
      for (std::size_t k = 0; k < s.hidden; ++k) {
        if (!kept_projection.keeps(i, k)) projection_(i, k) = nan;
      }
    }
    if constexpr (quantised<W>) {
      round_rows(input_, [&](std::size_t i, std::size_t k) { return kept_input.keeps(pattern_row(i), k); });
      round_rows(recurrent_, [&](std::size_t i, std::size_t k) {
        return kept_recurrent.keeps(pattern_row(i), k) && !(s.diagonal && k == i % s.hidden);
      });
      round_rows(projection_, [&](std::size_t i, std::size_t k) { return kept_projection.keeps(i, k); });
    }
    input_terms_ = terms_of(input_, [&](std::size_t i, std::size_t k) { return kept_input.keeps(pattern_row(i), k); });
    recurrent_terms_ = terms_of(recurrent_, [&](std::size_t i, std::size_t k) {
      return kept_recurrent.keeps(pattern_row(i), k) || (s.diagonal && k == i % s.hidden);
    });
    projection_terms_ =
        terms_of(projection_, [&](std::size_t i, std::size_t k) { return kept_projection.keeps(i, k); });
  }

  // The largest sum of magnitudes in a row of the matrices that meet the state.
  double most_row_magnitude() const {
    double most = 0;
    for (const auto* m : {&recurrent_, &projection_}) {
      for (std::size_t i = 0; i < m->rows; ++i) {
        double all = 0;
        for (std::size_t k = 0; k < m->columns; ++k) {
          if (is_finite((*m)(i, k))) all += std::abs(static_cast<double>((*m)(i, k)));
        }
        most = std::max(most, all);
      }
    }
    return most;
  }

  template <blob_layout Layout = blob_layout::panels>
  result<packed_cell<W, Block, Layout>> packed() const {
    return packed_as<W, Layout>();
  }
  template <class Weight, blob_layout Layout = blob_layout::panels>
  result<packed_cell<Weight, Block, Layout>> packed_as() const {
    dense_cell<T> dense{.input = input_.view(), .recurrent = recurrent_.view()};
    if (shape.biases) {
      dense.input_bias = input_bias_.elements.data();
      dense.recurrent_bias = recurrent_bias_.elements.data();
    }
    if (shape.peepholes) dense.peepholes = peepholes_.elements.data();
    if (shape.projected != 0) dense.projection = projection_.view();
    return pack_cell<Weight, Block, Layout>(
        {.kind = shape.kind, .order = shape.order, .dense_diagonal = shape.diagonal},
        {.input = kept_input,
         .recurrent = kept_recurrent,
         .projection = shape.projected != 0 ? &kept_projection : nullptr},
        dense);
  }

  // One step of one item, x being its input, h and c its state. `tolerance` grows to what this may be off.
  exact_state step(const T* x, const std::vector<double>& h, const std::vector<double>& c, double& tolerance) const {
    most_magnitude_ = 0;
    most_terms_ = 0;
    exact_state next = shape.kind == cell_kind::lstm ? lstm(x, h, c)
                       : gates_of(shape.kind) == 3   ? gru(x, h)
                                                     : rnn(x, h);
    if (shape.projected != 0) next.h = project(next.h);
    double most_c = 0;
    for (const double value : c) most_c = std::max(most_c, std::abs(value));
    const bool twice = shape.kind == cell_kind::gru_reset_before || shape.peepholes || shape.projected != 0;
    const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
    tolerance = std::max(tolerance, 4 * (most_terms_ + 16) * eps * (1 + most_magnitude_) * (1 + most_c) *
                                        (twice ? 1 + most_magnitude_ : 1));
    return next;
  }

  cell_shape shape;
  pattern<Block> kept_input, kept_recurrent, kept_projection;

 private:
  // Small enough that a row's sum is about 1.
  dense_matrix<T> weights(std::size_t rows, std::size_t columns, std::uint64_t seed) const {
    dense_matrix<T> made = random_matrix<T>(rows, columns, seed);
    const double kept = std::max(4., static_cast<double>(shape.inputs + shape.outputs()) * shape.how.density);
    for (T& w : made.elements) w *= static_cast<T>(3 / std::sqrt(kept));
    return made;
  }

  static dense_matrix<T> rounded(const dense_matrix<T>& all) {
    if constexpr (quantised<W>) return all;
    return converted<T>(converted<W>(all));
  }
  template <class Keeps>
  static void round_rows(dense_matrix<T>& all, Keeps&& keeps) {
    for (std::size_t i = 0; i < all.rows; ++i) {
      T largest = 0;
      for (std::size_t k = 0; k < all.columns; ++k) {
        if (keeps(i, k)) largest = std::max(largest, std::abs(all(i, k)));
      }
      for (std::size_t k = 0; k < all.columns && largest != 0; ++k) {
        if (keeps(i, k)) all(i, k) = std::nearbyint(all(i, k) * (127 / largest)) * (largest / 127);
      }
    }
  }

  // The weights that count, row by row.
  struct term {
    std::size_t column;
    double weight;
  };
  template <class Keeps>
  static std::vector<std::vector<term>> terms_of(const dense_matrix<T>& all, Keeps&& keeps) {
    std::vector<std::vector<term>> terms(all.rows);
    for (std::size_t i = 0; i < all.rows; ++i) {
      for (std::size_t k = 0; k < all.columns; ++k) {
        if (keeps(i, k)) terms[i].push_back({k, static_cast<double>(all(i, k))});
      }
    }
    return terms;
  }

  std::size_t gate_rows() const { return blocks_covering(shape.hidden, Block::rows) * Block::rows; }
  std::size_t pattern_rows() const { return shape.gates() * gate_rows(); }
  std::size_t pattern_row(std::size_t row) const { return row / shape.hidden * gate_rows() + row % shape.hidden; }

  // Sums that remember how large their terms were.
  double sum(double bias, double terms, double magnitude, double value) const {
    most_terms_ = std::max(most_terms_, terms);
    most_magnitude_ = std::max(most_magnitude_, magnitude + std::abs(bias));
    return value + bias;
  }
  double input_sum(std::size_t gate, std::size_t unit, const T* x) const {
    const std::size_t row = gate * shape.hidden + unit;
    double value = 0, magnitude = 0;
    for (const term& t : input_terms_[row]) {
      const double product = t.weight * static_cast<double>(x[t.column]);
      value += product;
      magnitude += std::abs(product);
    }
    const double bias = shape.biases ? static_cast<double>(input_bias_(0, row)) : 0;
    return sum(bias, static_cast<double>(shape.inputs + shape.outputs()), magnitude, value);
  }
  double recurrent_sum(std::size_t gate, std::size_t unit, const std::vector<double>& h) const {
    const std::size_t row = gate * shape.hidden + unit;
    double value = 0, magnitude = 0;
    for (const term& t : recurrent_terms_[row]) {
      const double product = t.weight * h[t.column];
      value += product;
      magnitude += std::abs(product);
    }
    const double bias = shape.biases ? static_cast<double>(recurrent_bias_(0, row)) : 0;
    return sum(bias, static_cast<double>(shape.inputs + shape.outputs()), 2 * magnitude, value);
  }
  double peephole(std::size_t which, std::size_t unit, double c) const {
    return shape.peepholes ? static_cast<double>(peepholes_(0, which * shape.hidden + unit)) * c : 0;
  }
  static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

  exact_state lstm(const T* x, const std::vector<double>& h, const std::vector<double>& c) const {
    const bool onnx = shape.order == gate_order::onnx;
    const std::size_t i = 0, f = onnx ? 2 : 1, g = onnx ? 3 : 2, o = onnx ? 1 : 3;
    const std::size_t peephole_f = onnx ? 2 : 1, peephole_o = onnx ? 1 : 2;
    exact_state next{std::vector<double>(shape.hidden), std::vector<double>(shape.hidden)};
    for (std::size_t u = 0; u < shape.hidden; ++u) {
      const auto gate = [&](std::size_t number) { return input_sum(number, u, x) + recurrent_sum(number, u, h); };
      next.c[u] = sigmoid(gate(f) + peephole(peephole_f, u, c[u])) * c[u] +
                  sigmoid(gate(i) + peephole(0, u, c[u])) * std::tanh(gate(g));
      next.h[u] = sigmoid(gate(o) + peephole(peephole_o, u, next.c[u])) * std::tanh(next.c[u]);
    }
    return next;
  }

  exact_state gru(const T* x, const std::vector<double>& h) const {
    const std::size_t r = shape.order == gate_order::onnx ? 1 : 0, z = 1 - r, n = 2;
    exact_state next{std::vector<double>(shape.hidden), {}};
    std::vector<double> reset(shape.hidden), reset_h(shape.hidden);
    for (std::size_t u = 0; u < shape.hidden; ++u) {
      reset[u] = sigmoid(input_sum(r, u, x) + recurrent_sum(r, u, h));
      reset_h[u] = reset[u] * h[u];
    }
    for (std::size_t u = 0; u < shape.hidden; ++u) {
      const double update = sigmoid(input_sum(z, u, x) + recurrent_sum(z, u, h));
      const double inner =
          shape.kind == cell_kind::gru_reset_before ? recurrent_sum(n, u, reset_h) : reset[u] * recurrent_sum(n, u, h);
      next.h[u] = (1 - update) * std::tanh(input_sum(n, u, x) + inner) + update * h[u];
    }
    return next;
  }

  exact_state rnn(const T* x, const std::vector<double>& h) const {
    exact_state next{std::vector<double>(shape.hidden), {}};
    for (std::size_t u = 0; u < shape.hidden; ++u) {
      const double a = input_sum(0, u, x) + recurrent_sum(0, u, h);
      next.h[u] = shape.kind == cell_kind::rnn_tanh ? std::tanh(a) : std::max(a, 0.);
    }
    return next;
  }

  std::vector<double> project(const std::vector<double>& units) const {
    std::vector<double> h(shape.projected);
    for (std::size_t i = 0; i < shape.projected; ++i) {
      double magnitude = 0;
      for (const term& t : projection_terms_[i]) {
        h[i] += t.weight * units[t.column];
        magnitude += std::abs(t.weight * units[t.column]);
      }
      sum(0, static_cast<double>(shape.hidden), magnitude, 0);
    }
    return h;
  }

  dense_matrix<T> input_, recurrent_, projection_, input_bias_, recurrent_bias_, peepholes_;
  std::vector<std::vector<term>> input_terms_, recurrent_terms_, projection_terms_;
  mutable double most_magnitude_ = 0, most_terms_ = 0;
};

// A batch's state in guarded memory.
template <class T>
struct guarded_state {
  guarded_matrix<T> h, c;

  guarded_state(const cell_shape& shape, std::size_t batch, random_source& random)
      : h(batch, shape.outputs(), any_placement(random)),
        c(shape.kind == cell_kind::lstm ? batch : 0, shape.hidden, any_placement(random)) {}
  void fill(random_source& random) {
    for (guarded_matrix<T>* m : {&h, &c}) {
      for (std::size_t i = 0; i < m->view().rows; ++i) {
        for (std::size_t j = 0; j < m->view().columns; ++j) (*m)(i, j) = random_value<T>(random);
      }
    }
  }
  cell_state<T> view() { return {h.view(), c.view()}; }
  bool surroundings_intact() const { return h.surroundings_intact() && c.surroundings_intact(); }
};

template <class T>
std::vector<double> row_of(guarded_matrix<T>& m, std::size_t i) {
  std::vector<double> row;
  for (std::size_t j = 0; j < m.view().columns && i < m.view().rows; ++j) row.push_back(static_cast<double>(m(i, j)));
  return row;
}

}  // namespace bcr::test
