// The pruned network on bcr, a sequence at a time: this is the file to read.
#pragma once

#include <bcr/bcr.hpp>
#include <cstddef>
#include <span>
#include <vector>

#include "network.hpp"

// Weights are of type W, all else is float.
template <class W>
class bcr_gru {
  using packed_cell = bcr::packed_cell<W, block, bcr::blob_layout::bands>;
  using cell_plan = bcr::cell_plan<float, W>;

 public:
  // Of sequences of any length; the input half of up to `frames` of them is one product.
  bcr_gru(const pruned_gru& gru, std::size_t frames)
      : cell_(check(bcr::pack_cell<W, block, bcr::blob_layout::bands>(
            {.kind = bcr::cell_kind::gru_reset_after, .order = bcr::gate_order::pytorch},
            {.input = gru.input.kept, .recurrent = gru.recurrent.kept},
            {.input = {gru.input.weights.data(), gates * units, features},
             .recurrent = {gru.recurrent.weights.data(), gates * units, units},
             .input_bias = gru.input_bias.data(),
             .recurrent_bias = gru.recurrent_bias.data()}))),
        plan_(check(cell_plan::create(cell_, {.batch = 1, .steps = frames}))),
        state_(units),
        workspace_(plan_.workspace_bytes()) {}

  // Frames in, the state after them out, which stays valid until the next call.
  const std::vector<float>& run(std::span<const float> frames) {
    state_.assign(units, 0.0f);
    const bcr::matrix_view<const float> x(frames.data(), frames.size() / features, features);
    check(plan_.sequence(x, {}, {{state_.data(), 1, units}}, {}, workspace_));
    return state_;
  }

  // Bytes that a step reads: weights and indices.
  std::size_t weight_bytes() const { return cell_.input().bytes().size() + cell_.recurrent().bytes().size(); }
  double rate() const {
    const auto all = static_cast<double>(gates * units * (features + units));
    return all / static_cast<double>(cell_.input().kept() + cell_.recurrent().kept());
  }
  const char* kernel_name() const { return plan_.kernel_name(); }

 private:
  packed_cell cell_;
  cell_plan plan_;
  std::vector<float> state_;
  std::vector<std::byte> workspace_;
};
