#include "recurrent_cases.hpp"

#include <cstdio>

namespace bench {

// The gates of a GRU and of an LSTM of 1024 units, which stay in the third cache level when dense, and a layer that
// does not.
std::vector<gemv_shape> gemv_shapes() { return {{3072, 1024}, {4096, 1024}, {8192, 4096}}; }

std::vector<cell_size> cell_sizes(bool quick) {
  std::vector<cell_size> made{{bcr::cell_kind::gru_reset_after, 1024, 1024}, {bcr::cell_kind::lstm, 1024, 1024}};
  if (!quick) made.push_back({bcr::cell_kind::gru_reset_after, 39, 1024});
  if (!quick) made.push_back({bcr::cell_kind::lstm, 256, 256});
  return made;
}

std::vector<pruned_case> recurrent_prunings(bool quick) {
  std::vector<pruned_case> made;
  for (const double rate : {10., 4., 20.}) {
    if (quick && rate != 10) continue;
    made.push_back({{16, 64}, pruning::columns, 1 / rate});
    made.push_back({{16, 64}, pruning::half, 1 / rate});
    made.push_back({{16, 16}, pruning::half, 1 / rate});
    made.push_back({{8, 32}, pruning::half, 1 / rate});
    made.push_back({{64, 64}, pruning::columns, 1 / rate});
    made.push_back({{64, 64}, pruning::half, 1 / rate});
  }
  return made;
}

std::string name(const gemv_shape& s) {
  char text[64];
  std::snprintf(text, sizeof text, "M%zu/K%zu", s.m, s.k);
  return text;
}

std::string name(const cell_size& s) {
  char text[64];
  std::snprintf(text, sizeof text, "%s/I%zu/H%zu", s.kind == bcr::cell_kind::lstm ? "lstm" : "gru", s.inputs, s.hidden);
  return text;
}

}  // namespace bench
