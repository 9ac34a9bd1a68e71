// Damaged copies of saved weights, by default a million, opened where they touch a page that may not be read.
//
// Accidents (a changed byte, missing bytes, pieces that moved) leave the checksum wrong: none may be accepted, because
// the format has no byte without a meaning. Malice makes the checksum right again. What is accepted then is another set
// of weights, and has to be one through and through: a product by them is the sum of the weights that it lists, and
// touches nothing but its operands.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/guarded.hpp"
#include "support/kernels_once.hpp"
#include "support/tampered.hpp"

namespace {

using bcr::test::guard_side;
using bcr::test::guarded_array;
using bcr::test::guarded_matrix;
using bcr::test::random_source;
using bcr::test::tampered;
using bytes = std::vector<std::byte>;

struct tally {
  std::size_t tried = 0, accidents = 0, other_weights = 0, failures = 0;
  std::size_t refused[8] = {};  // by errc

  void fail(const char* what) {
    if (++failures <= 10) std::printf("FAILED, case %zu: %s\n", tried, what);
  }
};

// Good weights, and the places where damaged copies of them are opened.
template <class W, class Block, bcr::blob_layout Layout>
class target {
 public:
  using weights = bcr::packed_weights<W, Block, Layout>;
  using number = bcr::arithmetic_for<W>;

  target(const bcr::result<weights>& good, tally& count)
      : good_(good->bytes().begin(), good->bytes().end()),
        count_(count),
        in_front_(good_.size() + 512, 0, guard_side::before),
        at_end_(good_.size() + 512, 0, guard_side::after) {
    random_source random(1);
    for (number& x : input_) x = bcr::test::random_value<number>(random);
    // Vectors that are quantised are whole numbers already, up to the largest, so that nothing is lost.
    for (number& x : input_) {
      if (bcr::quantised<W>) x = static_cast<number>(static_cast<int>(x * 127));
    }
    for (std::size_t j = 0; bcr::quantised<W> && j < n; ++j) input_[j] = 127;
  }

  std::span<const std::byte> good() const { return good_; }

  // The checksum was left alone.
  void accident(std::span<const std::byte> damaged) {
    const bool unchanged = std::ranges::equal(damaged, good_);
    ++count_.accidents;
    const auto opened = open(damaged);
    if (opened.ok() != unchanged) count_.fail(unchanged ? "good weights were refused" : "damage went unnoticed");
  }
  // The checksum belongs to the bytes. `never`: there are no weights that have such bytes.
  void malice(std::span<const std::byte> sealed, bool never = false) {
    const auto opened = open(sealed);
    if (!opened || std::ranges::equal(sealed, good_)) return;
    if (never) count_.fail("bytes that must be zero were not, and nobody cared");
    ++count_.other_weights;
    if (!bcr::test::can_be_walked(*opened)) count_.fail("the weights that were accepted lie outside of the matrix");
    if (opened->columns() <= most_columns && !multiplies(*opened)) count_.fail("a wrong product");
  }

 private:
  static constexpr std::size_t most_columns = 2000, n = 3;

  // Behind a guard in place; before a guard in place where that is aligned, or by way of a copy.
  bcr::result<weights> open(std::span<const std::byte> candidate) {
    ++count_.tried;
    std::byte* const end = at_end_.data() + at_end_.size();
    std::memcpy(in_front_.data(), candidate.data(), candidate.size());
    std::memcpy(end - candidate.size(), candidate.data(), candidate.size());
    const std::span<const std::byte> last(end - candidate.size(), candidate.size());
    auto opened = weights::view({in_front_.data(), candidate.size()});
    const auto again = candidate.size() % bcr::buffer_alignment == 0 ? weights::view(last) : weights::open(last);
    ++count_.refused[static_cast<std::size_t>(opened.status().code())];
    const std::string_view why = opened.message();
    if (opened.ok() != again.ok() || why != again.message()) count_.fail("two opinions on the same bytes");
    if (!opened && (why.size() < 20 || why.back() != '.' || opened.status().code() < bcr::errc::truncated)) {
      count_.fail("no sentence says what is wrong");
    }
    return opened;
  }

  bool multiplies(const weights& w) {
    const std::size_t m = w.rows(), k = w.columns();
    const auto plan = bcr::gemm_plan<number, bcr::epilogue::none, W>::create(w, {.columns = n});
    if (!plan) return false;
    const bcr::test::placement at{
        .padding = 1, .offset = 0, .side = m % 2 == 0 ? guard_side::before : guard_side::after};
    guarded_matrix<number> b(k, n, at), c(m, n, at);
    guarded_array<std::byte> workspace(plan->workspace_bytes(), 0, at.side);
    std::vector<double> sums(m * n), magnitudes(m * n);
    for (std::size_t i = 0; i < k; ++i) std::copy_n(input_ + i % 50 * n, n, b.row(i));
    w.for_each_weight([&](std::size_t row, std::size_t column, W weight) {
      for (std::size_t j = 0; j < n; ++j) {
        double product = bcr::test::to_double(weight) * static_cast<double>(b(column, j));
        if constexpr (bcr::quantised<W>) product *= static_cast<double>(w.bands().scales[row]);
        sums[row * n + j] += product;
        magnitudes[row * n + j] += std::abs(product);
      }
    });
    if (!plan->run(b.view(), c.view(), workspace.span()).ok()) return false;
    bool right = b.surroundings_intact() && c.surroundings_intact() && workspace.surroundings_intact();
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        const double error = std::abs(static_cast<double>(c(i, j)) - sums[i * n + j]);
        // What was tampered with may be a scale, and the product beyond float's range.
        const bool beyond = bcr::quantised<W> && magnitudes[i * n + j] > 1e38;
        right = right && (beyond || error <= 1e-5 * magnitudes[i * n + j] + (bcr::quantised<W> ? 1e-35 : 0.));
      }
    }
    return right;
  }

  bytes good_;
  tally& count_;
  guarded_array<std::byte> in_front_, at_end_;
  number input_[50 * n];
};

// Every byte with every other value, every length, every number that is no weight at every edge, and dirty padding.
template <class Target>
void systematically(Target& target, bool every_value) {
  bytes blob(target.good().begin(), target.good().end());
  for (std::byte& b : blob) {
    for (int change = 1; change < 256; change = every_value ? change + 1 : change * 2) {
      b ^= static_cast<std::byte>(change);
      target.accident(blob);
      b ^= static_cast<std::byte>(change);
    }
  }
  for (std::size_t size = 0; size <= target.good().size(); ++size) target.accident(target.good().first(size));
  for (std::size_t more = 1; more <= 300; ++more) {
    blob.push_back(static_cast<std::byte>(more % 3));
    target.accident(blob);
  }
  tampered t(target.good());
  const auto attack = [&](tampered& changed) { target.malice(changed.sealed()); };
  bcr::test::for_each_tampering(t, t.frame(), attack);
  bcr::test::for_each_tampering(t, t.fields(), attack);
  const auto soil = [&](tampered& changed) { target.malice(changed.sealed(), true); };
  bcr::test::for_each_tampering(t, t.padding(), soil);
}

// Bytes changed, filled, copied, exchanged or removed anywhere; the checksum is not touched.
template <class Target>
void one_accident(Target& target, random_source& random) {
  bytes blob(target.good().begin(), target.good().end());
  for (std::size_t n = 1 + random.below(3); n > 0 && !blob.empty(); --n) {
    const std::size_t unit = random.chance(0.5) ? 1 : 64, units = blob.size() / unit;
    if (units == 0) break;
    const std::size_t from = random.below(units) * unit, to = random.below(units) * unit;
    const std::size_t room = blob.size() - std::max(from, to);
    const std::size_t count = std::min(room, (1 + random.below(4)) * unit);
    const auto a = blob.begin() + static_cast<std::ptrdiff_t>(from), b = blob.begin() + static_cast<std::ptrdiff_t>(to);
    const auto length = static_cast<std::ptrdiff_t>(count);
    switch (random.below(5)) {
      case 0:
        std::fill(a, a + length, static_cast<std::byte>(random.chance(0.5) ? 0 : random.below(256)));
        break;
      case 1:
        std::memmove(&*b, &*a, count);
        break;
      case 2:
        std::swap_ranges(a, a + std::min(length, std::abs(b - a)), b);
        break;
      case 3:
        blob.erase(a, a + length);
        break;
      default:
        *a ^= static_cast<std::byte>(1 + random.below(255));
    }
  }
  target.accident(blob);
}

template <class Target>
void one_attack(Target& target, random_source& random) {
  tampered t(target.good());
  const auto fields = t.fields();
  if (random.chance(0.1)) bcr::test::tamper_at_random(t, t.frame(), random);
  bcr::test::tamper_at_random(t, fields, random);
  target.malice(t.sealed());
}

template <class T, class Block, bcr::blob_layout Layout = bcr::blob_layout::panels>
bcr::result<bcr::packed_weights<T, Block, Layout>> some_weights(std::size_t rows, std::size_t columns,
                                                                const bcr::test::pattern_options& how) {
  const auto kept = bcr::test::random_pattern<Block>(rows, columns, how, 5);
  return bcr::pack<T, Layout>(kept, bcr::test::random_weights<T>(kept, 6).view());
}

}  // namespace

int main(int count, char** arguments) {
  const std::size_t wanted = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 1000000;
  random_source random(count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1);
  tally all;
  using bcr::blob_layout, bcr::panel_cut, bcr::strip_cut;
  target carried(bcr::result(bcr::test::victim({.cut = panel_cut::per_block})), all);
  target direct(bcr::result(bcr::test::victim({.cut = panel_cut::whole_rows})), all);
  target doubles(some_weights<double, bcr::block<4, 16>>(21, 50, {.density = 0.3, .rows_kept = 0.75}), all);
  target halves(some_weights<bcr::f16, bcr::block<8, 16>>(21, 50, {.density = 0.3, .rows_kept = 0.75}), all);
  target brains(some_weights<bcr::bf16, bcr::block<4, 16>, blob_layout::bands>(9, 30, {.density = 0.3}), all);
  target bytes8(bcr::result(bcr::test::victim<blob_layout::bands, std::int8_t>({})), all);
  target own_bytes(bcr::result(bcr::test::victim<blob_layout::bands, std::int8_t>({.strips = strip_cut::own_columns})),
                   all);
  target large(some_weights<float, bcr::block<128, 1024>>(130, 1100, {.density = 0.002, .rows_kept = 0.1}), all);
  target shared(bcr::result(bcr::test::victim<blob_layout::bands>({.strips = strip_cut::shared_columns})), all);
  target own(bcr::result(bcr::test::victim<blob_layout::bands>({.strips = strip_cut::own_columns})), all);
  target both(some_weights<float, bcr::block<4, 16>, blob_layout::panels_and_bands>(
                  21, 50, {.density = 0.3, .rows_kept = 0.75}),
              all);
  target empty(some_weights<float, bcr::block<1, 1>>(0, 9, {}), all);

  const auto each = [&](auto&& what) {
    what(carried), what(direct), what(doubles), what(halves), what(brains), what(bytes8), what(own_bytes), what(large),
        what(shared), what(own), what(both), what(empty);
  };
  systematically(carried, true);
  each([](auto& target) { systematically(target, false); });
  while (all.tried < wanted) {
    each([&](auto& target) {
      one_accident(target, random);
      one_attack(target, random);
    });
  }

  const auto refused = [&](bcr::errc code) { return all.refused[static_cast<std::size_t>(code)]; };
  std::printf(
      "%zu damaged blobs, %zu of them with a right checksum: %zu truncated, %zu corrupt, %zu foreign; %zu were other, "
      "valid weights; %zu failures.\n",
      all.tried, all.tried - all.accidents, refused(bcr::errc::truncated), refused(bcr::errc::corrupt),
      refused(bcr::errc::foreign), all.other_weights, all.failures);
  return all.failures == 0 && all.tried >= wanted && all.other_weights > 0 ? 0 : 1;
}
