// A compressed-row product as good as the format allows: tiles of output columns stay in registers over a whole row of
// W, B is read through L1-sized panels, copied side by side where that pays, and the tile is the best of several, tried
// on the very matrix. One load of B a multiply-add is what the format costs, and what this peer cannot get below.
#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>
#include <utility>

#include "measure.hpp"
#include "peers/peers.hpp"

namespace bench {
namespace {

#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif
using vector = float __attribute__((vector_size(lanes * 4), aligned(4), may_alias));

struct csr {
  std::vector<int> row_start, column;
  std::vector<float> value;
};

// One row of W times `Vectors` vectors of columns. Chains of independent sums hide the latency of narrow tiles.
template <int Vectors>
inline void row_tile(const csr& w, int row, const float* b, std::size_t ldb, float* c, std::size_t valid) {
  constexpr int chains = Vectors >= 8 ? 1 : Vectors >= 4 ? 2 : Vectors >= 2 ? 4 : 8;
  vector sums[chains][Vectors] = {};
  const int last = w.row_start[static_cast<std::size_t>(row) + 1];
  const int* column = w.column.data();
  const float* value = w.value.data();
  int p = w.row_start[static_cast<std::size_t>(row)];
  const auto add = [&](int chain, int at) {
    const float* from = b + static_cast<std::size_t>(column[at]) * ldb;
    const vector factor = value[at] - vector{};
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) {
      sums[chain][v] += factor * *reinterpret_cast<const vector*>(from + v * lanes);
    }
  };
  for (; p + chains <= last; p += chains) {
#pragma GCC unroll 16
    for (int chain = 0; chain < chains; ++chain) add(chain, p + chain);
  }
  for (; p < last; ++p) add(0, p);
#pragma GCC unroll 16
  for (int chain = 1; chain < chains; ++chain) {
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) sums[0][v] += sums[chain][v];
  }
  if (valid == std::size_t{Vectors} * lanes) {
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) *reinterpret_cast<vector*>(c + v * lanes) = sums[0][v];
  } else {
    std::memcpy(c, sums, valid * sizeof(float));
  }
}

// The rows [first, last) of a tile of `valid` columns. B may be read past them: it is padded.
template <int Vectors>
void column_tile(const csr& w, int first, int last, const float* b, std::size_t ldb, float* c, std::size_t ldc,
                 std::size_t valid) {
  for (int i = first; i < last; ++i) row_tile<Vectors>(w, i, b, ldb, c + static_cast<std::size_t>(i) * ldc, valid);
}

using tile_function = void (*)(const csr&, int, int, const float*, std::size_t, float*, std::size_t, std::size_t);
constexpr std::array<tile_function, 9> tiles = {nullptr,        column_tile<1>, column_tile<2>,
                                                column_tile<3>, column_tile<4>, column_tile<5>,
                                                column_tile<6>, column_tile<7>, column_tile<8>};

// One column: a dot product of each row with the gathered input.
void multiply_vector(const csr& w, int first, int last, const float* b, float* c) {
  const int* column = w.column.data();
  const float* value = w.value.data();
  for (int i = first; i < last; ++i) {
    float sum = 0;
    const int end = w.row_start[static_cast<std::size_t>(i) + 1];
#pragma omp simd reduction(+ : sum)
    for (int p = w.row_start[static_cast<std::size_t>(i)]; p < end; ++p) sum += value[p] * b[column[p]];
    c[i] = sum;
  }
}

class csr_gemm final : public row_major_contender {
 public:
  std::string name() const override { return "csr_tiled"; }

  std::string prepare(const problem& p) override {
    bind(p);
    compress();
    panel_ = floats(p.k * std::size_t{lanes} * 8);
    if (p.n > 1) choose_tile();
    return {};
  }

  void run() override {
#pragma omp parallel for num_threads(p_.threads) schedule(static, 1) if (p_.threads > 1)
    for (int part = 0; part < p_.threads; ++part) {
      const int first = part_start_[static_cast<std::size_t>(part)];
      const int last = part_start_[static_cast<std::size_t>(part) + 1];
      if (p_.n == 1) {
        multiply_vector(w_, first, last, p_.b, c_.data());
      } else {
        multiply(first, last);
      }
    }
  }

 private:
  void compress() {
    w_ = {};
    w_.row_start.push_back(0);
    for (std::size_t i = 0; i < p_.m; ++i) {
      for (std::size_t l = 0; l < p_.k; ++l) {
        if (p_.w[i * p_.k + l] == 0) continue;
        w_.column.push_back(static_cast<int>(l));
        w_.value.push_back(p_.w[i * p_.k + l]);
      }
      w_.row_start.push_back(static_cast<int>(w_.column.size()));
    }
    // Every thread gets about as many nonzeros.
    part_start_.clear();
    const auto nonzeros = static_cast<double>(w_.column.size());
    for (int part = 0; part <= p_.threads; ++part) {
      const auto wanted = static_cast<int>(nonzeros * part / p_.threads);
      const auto at = std::lower_bound(w_.row_start.begin(), w_.row_start.end(), wanted);
      part_start_.push_back(static_cast<int>(at - w_.row_start.begin()));
    }
    part_start_.front() = 0;
    part_start_.back() = static_cast<int>(p_.m);
  }

  void multiply(int first, int last) {
    const std::size_t width = static_cast<std::size_t>(vectors_) * lanes;
    for (std::size_t j = 0; j < p_.n; j += width) {
      const std::size_t valid = std::min(width, p_.n - j);
      const auto tile = tiles[(valid + lanes - 1) / lanes];
      if (copied_) {
        for (std::size_t l = 0; l < p_.k; ++l) {
          std::memcpy(panel_.data() + l * width, p_.b + l * p_.n + j, valid * sizeof(float));
        }
        tile(w_, first, last, panel_.data(), width, c_.data() + j, p_.n, valid);
      } else {
        tile(w_, first, last, p_.b + j, p_.n, c_.data() + j, p_.n, valid);
      }
    }
  }

  // Copied panels are not shared by threads, so only one thread uses them.
  void choose_tile() {
    double best = 0;
    std::pair<int, bool> choice{1, false};
    for (const bool copied : {false, true}) {
      if (copied && p_.threads > 1) continue;
      for (const int vectors : {1, 2, 3, 4, 6, 8}) {
        if (static_cast<std::size_t>(vectors - 1) * lanes >= p_.n) continue;
        vectors_ = vectors;
        copied_ = copied;
        const double seconds = fastest_run(best);
        if (best == 0 || seconds < best) {
          best = seconds;
          choice = {vectors, copied};
        }
      }
    }
    std::tie(vectors_, copied_) = choice;
  }

  // Of a few runs, the first for warming up; fewer where there is no hope to come under `to_beat`.
  double fastest_run(double to_beat) {
    double best = 0;
    for (int r = 0; r < 5 && (r < 2 || to_beat == 0 || best < 1.3 * to_beat); ++r) {
      const double seconds = seconds_of([this] { run(); }, p_.threads);
      if (r == 0 || seconds < best) best = seconds;
    }
    return best;
  }

  csr w_;
  std::vector<int> part_start_;
  bcr::buffer<float> panel_;
  int vectors_ = 1;
  bool copied_ = false;
};

}  // namespace

std::unique_ptr<contender> make_csr_tiled() { return std::make_unique<csr_gemm>(); }

}  // namespace bench
