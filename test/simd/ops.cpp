// The SIMD vocabulary: every word against scalar arithmetic, and partial loads and stores at the edge of the mapped
// memory.
#include "bcr/simd/ops-inl.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>
#include <type_traits>
#include <vector>

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {
namespace {

template <class T>
std::vector<T> numbers(std::size_t seed) {
  const ops::ScalableTag<T> d;
  std::vector<T> v(ops::Lanes(d));
  for (std::size_t l = 0; l < v.size(); ++l) {
    const int i = static_cast<int>((l * 7 + seed * 5) % 23) - 11;
    v[l] = static_cast<T>(std::is_integral_v<T> ? T(i) : T(i) + T(0.5) * T(seed));
  }
  return v;
}

template <class T>
bool same(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

// Each lane of `result`, of vectors a, b and c, equals `scalar`, of its own x, y and z, to the bit.
#define CHECK_LANES(T, result, scalar)                                     \
  do {                                                                     \
    const ops::ScalableTag<T> d;                                           \
    const auto xs = numbers<T>(1), ys = numbers<T>(2), zs = numbers<T>(3); \
    [[maybe_unused]] const auto a = ops::LoadU(d, xs.data());              \
    [[maybe_unused]] const auto b = ops::LoadU(d, ys.data());              \
    [[maybe_unused]] const auto c = ops::LoadU(d, zs.data());              \
    std::vector<T> got(xs.size());                                         \
    ops::StoreU(result, d, got.data());                                    \
    for (std::size_t l = 0; l < got.size(); ++l) {                         \
      [[maybe_unused]] const T x = xs[l], y = ys[l], z = zs[l];            \
      CAPTURE(x);                                                          \
      CAPTURE(y);                                                          \
      CAPTURE(got[l]);                                                     \
      CHECK(same<T>(got[l], static_cast<T>(scalar)));                      \
    }                                                                      \
  } while (false)

template <class T>
void check_arithmetic() {
  CHECK_LANES(T, a, x);
  CHECK_LANES(T, ops::Zero(d), 0);
  CHECK_LANES(T, ops::Set(d, T(3)), 3);
  CHECK_LANES(T, ops::Iota(d, T(2)), l + 2);
  CHECK_LANES(T, ops::Add(a, b), x + y);
  CHECK_LANES(T, ops::Sub(a, b), x - y);
  CHECK_LANES(T, ops::IfThenElse(ops::Lt(a, b), a, c), x < y ? x : z);
  CHECK_LANES(T, ops::IfThenElse(ops::Eq(a, b), a, c), x == y ? x : z);
  CHECK_LANES(T, ops::IfThenElse(ops::FirstN(d, 2), a, b), l < 2 ? x : y);
  CHECK_LANES(T, ops::IfThenElse(ops::FirstN(d, 0), a, b), y);
}

template <class T>
void check_float_arithmetic() {
  using bits = ops::TFromD<ops::RebindToUnsigned<ops::ScalableTag<T>>>;
  const ops::RebindToSigned<ops::ScalableTag<T>> di;
  const auto join = [](T x, T y, auto how) {
    bits i, j;
    std::memcpy(&i, &x, sizeof(T));
    std::memcpy(&j, &y, sizeof(T));
    i = how(i, j);
    std::memcpy(&x, &i, sizeof(T));
    return x;
  };
  check_arithmetic<T>();
  CHECK_LANES(T, ops::Mul(a, b), x * y);
  CHECK_LANES(T, ops::Div(a, b), x / y);
  CHECK_LANES(T, ops::MulAdd(a, b, c), x * y + z);  // exact for these numbers, fused or not
  CHECK_LANES(T, ops::NegMulAdd(a, b, c), z - x * y);
  // Both are fused, or neither is: thirds have no exact squares.
  CHECK_LANES(T, ops::NegMulAdd(ops::Div(a, ops::Set(d, T(3))), ops::Div(a, ops::Set(d, T(3))), c),
              ops::GetLane(ops::MulAdd(ops::Set(d, -x / 3), ops::Set(d, x / 3), ops::Set(d, z))));
  CHECK_LANES(T, ops::Neg(a), -x);
  CHECK_LANES(T, ops::Abs(a), std::abs(x));
  CHECK_LANES(T, ops::Min(a, b), x < y ? x : y);
  CHECK_LANES(T, ops::Max(a, b), x > y ? x : y);
  CHECK_LANES(T, ops::Round(a), std::nearbyint(x));
  CHECK_LANES(T, ops::CopySign(a, b), std::copysign(x, y));
  CHECK_LANES(T, ops::IfThenElse(ops::Le(a, b), a, c), x <= y ? x : z);
  CHECK_LANES(T, ops::IfThenElse(ops::Gt(a, b), a, c), x > y ? x : z);
  CHECK_LANES(T, ops::IfThenElse(ops::Ge(a, b), a, c), x >= y ? x : z);
  CHECK_LANES(T, ops::And(a, b), join(x, y, [](bits i, bits j) { return i & j; }));
  CHECK_LANES(T, ops::Or(a, b), join(x, y, [](bits i, bits j) { return i | j; }));
  CHECK_LANES(T, ops::Xor(a, b), join(x, y, [](bits i, bits j) { return i ^ j; }));
  CHECK_LANES(T, ops::BitCast(d, ops::ShiftLeft<3>(ops::BitCast(di, a))),
              join(x, y, [](bits i, bits) { return static_cast<bits>(i << 3); }));
  const T nan = std::numeric_limits<T>::quiet_NaN();
  CHECK_LANES(T, ops::IfThenElse(ops::IsNaN(ops::IfThenElse(ops::Lt(a, b), ops::Set(d, nan), a)), b, c), x < y ? y : z);
  const ops::ScalableTag<T> d;
  CHECK(ops::GetLane(ops::Set(d, T(5))) == T(5));
}

template <class T>
void check_conversions() {
  const ops::RebindToSigned<ops::ScalableTag<T>> di;
  CHECK_LANES(T, ops::ConvertTo(d, ops::ConvertTo(di, a)), std::trunc(x) + T(0));
}

// Some pages of memory between two that may not be touched.
class guarded_memory {
 public:
  guarded_memory() {
    base_ = static_cast<char*>(mmap(nullptr, 3 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(base_ != MAP_FAILED);
    REQUIRE(mprotect(base_, page_, PROT_NONE) == 0);
    REQUIRE(mprotect(base_ + 2 * page_, page_, PROT_NONE) == 0);
  }
  guarded_memory(const guarded_memory&) = delete;
  guarded_memory& operator=(const guarded_memory&) = delete;
  ~guarded_memory() { munmap(base_, 3 * page_); }
  char* begin() const { return base_ + page_; }
  char* end() const { return base_ + 2 * page_; }

 private:
  std::size_t page_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  char* base_;
};

// Lanes [first, last) with p[first] at the start of the memory, or p[last - 1] at its end.
template <class T>
void check_partial(T* p, std::size_t first, std::size_t last, T* low, T* high) {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d);
  const T outside = -1;
  for (T* q = low; q != high; ++q) *q = outside;
  for (std::size_t l = first; l < last; ++l) p[l] = static_cast<T>(l + 1);
  std::vector<T> got(lanes, T(77));
  ops::StoreU(LoadLanes(d, p, first, last), d, got.data());
  for (std::size_t l = 0; l < lanes; ++l) CHECK(got[l] == (l >= first && l < last ? static_cast<T>(l + 1) : T(0)));

  StoreLanes(ops::Iota(d, T(100)), d, p, first, last);
  for (T* q = low; q != high; ++q) {
    const bool inside = q >= p + first && q < p + last;
    CHECK(*q == (inside ? static_cast<T>(100 + (q - p)) : outside));
  }
}

template <class T>
void check_partial_at_edges() {
  const ops::ScalableTag<T> d;
  const guarded_memory memory;
  T* const begin = reinterpret_cast<T*>(memory.begin());
  T* const end = reinterpret_cast<T*>(memory.end());
  const std::size_t lanes = ops::Lanes(d);
  for (std::size_t first = 0; first <= lanes; ++first) {
    for (std::size_t last = first; last <= lanes; ++last) {
      CAPTURE(first);
      CAPTURE(last);
      check_partial<T>(begin - first, first, last, begin, begin + 3 * lanes);
      check_partial<T>(end - last, first, last, end - 3 * lanes, end);
    }
  }
}

template <class T>
void check_every_other_lane() {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d);
  std::vector<T> data(2 * lanes), even(lanes), odd(lanes);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<T>(i);
  ops::StoreU(ops::ConcatEven(d, ops::LoadU(d, data.data() + lanes), ops::LoadU(d, data.data())), d, even.data());
  ops::StoreU(ops::ConcatOdd(d, ops::LoadU(d, data.data() + lanes), ops::LoadU(d, data.data())), d, odd.data());
  for (std::size_t l = 0; l < lanes; ++l) {
    CHECK(even[l] == data[2 * l]);
    CHECK(odd[l] == data[2 * l + 1]);
  }
}

#if BCR_HAS_BLOCKS
template <class T>
void check_blocks() {
  const ops::ScalableTag<T> d;
  constexpr std::size_t block = 16 / sizeof(T);
  const std::size_t lanes = ops::Lanes(d), stride = 11;
  std::vector<T> data(lanes * stride), loaded(lanes), low(lanes), high(lanes);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<T>(i);
  const auto a = LoadBlocks(d, data.data(), stride);
  const auto b = LoadBlocks(d, data.data() + 5, stride);
  ops::StoreU(a, d, loaded.data());
  ops::StoreU(ops::InterleaveLower(d, a, b), d, low.data());
  ops::StoreU(ops::InterleaveUpper(d, a, b), d, high.data());
  for (std::size_t l = 0; l < lanes; ++l) {
    const std::size_t in_block = l % block, from = l / block * stride;
    CHECK(loaded[l] == data[from + in_block]);
    CHECK(low[l] == data[from + in_block / 2 + (l % 2) * 5]);
    CHECK(high[l] == data[from + block / 2 + in_block / 2 + (l % 2) * 5]);
  }
}
#endif

#if BCR_MULTIPLIES_BY_LANE
template <class T>
void check_lanes() {
  CHECK_LANES(T, ops::Broadcast<0>(a), xs[0]);
  CHECK_LANES(T, ops::MulAdd(ops::Broadcast<1>(a), b, c), xs[1] * y + z);
}
#endif

}  // namespace
}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

namespace target = bcr::BCR_TARGET_NS;

TEST_CASE("ops agree with scalar arithmetic") {
  target::check_float_arithmetic<float>();
  target::check_float_arithmetic<double>();
  target::check_arithmetic<std::int32_t>();
  target::check_arithmetic<std::int64_t>();
}

TEST_CASE("ConvertTo drops the fraction") {
  target::check_conversions<float>();
  target::check_conversions<double>();
}

TEST_CASE("LoadLanes and StoreLanes touch their lanes and nothing else") {
  target::check_partial_at_edges<float>();
  target::check_partial_at_edges<double>();
}

TEST_CASE("ConcatEven and ConcatOdd take every other lane of two vectors") {
  target::check_every_other_lane<float>();
  target::check_every_other_lane<double>();
}

#if BCR_HAS_BLOCKS
TEST_CASE("blocks load and interleave as Highway documents it") {
  target::check_blocks<float>();
  target::check_blocks<double>();
}
#endif

#if BCR_MULTIPLIES_BY_LANE
TEST_CASE("one lane of a vector multiplies all of another") {
  target::check_lanes<float>();
  target::check_lanes<double>();
}
#endif

TEST_CASE("the target names itself") {
  const std::string_view name = target::target_name();
  CAPTURE(name);
  CHECK(!name.empty());
  for (const char c : name) CHECK(((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'));
#if defined(BCR_SIMD_XSIMD)
  CHECK(name.substr(0, 6) == "xsimd_");
#elif defined(BCR_SIMD_SCALAR)
  CHECK(name == "scalar");
#elif defined(__AVX512BW__)
  CHECK(name.substr(0, 4) == "avx3");
#elif defined(__AVX2__)
  CHECK(name == "avx2");
#elif defined(__ARM_FEATURE_SVE)
  CHECK(name.substr(0, 3) == "sve");
#elif defined(__ARM_NEON)
  CHECK(name == "neon");
#elif defined(__riscv_vector)
  CHECK(name == "rvv");
#endif
  CHECK(target::kVectorRegisters >= 16);
}

TEST_CASE("vectors are as long as whoever runs the tests says") {
  const char* const bytes = std::getenv("BCR_TEST_VECTOR_BYTES");
  if (bytes == nullptr) return;
  CHECK(target::ops::Lanes(target::ops::ScalableTag<float>()) * sizeof(float) == std::strtoull(bytes, nullptr, 10));
}
