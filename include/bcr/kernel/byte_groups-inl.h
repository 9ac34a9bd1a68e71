// Strips of bytes whose groups of lanes have columns of their own.
//
//     four columns of each group:  w w w w  w w w w  w w w w  w w w w  ..   one lane of 32 bits a row
//                                * a b c d  a b c d  e f g h  e f g h  ..   the inputs of the group's columns
//
// A strip is the rows of several small blocks below each other, and its columns are out of 64, whose inputs are one
// register where a target looks up bytes in 64 of them: four columns of a vector of rows are then a load of their
// indices, two permutations and an instruction for the 64 products, which takes the weights from memory. Nothing is
// gathered beforehand, and sums go to rows in registers (kernel/strip_rows-inl.h). Elsewhere four inputs are put
// together for each group. What a group that has run out of columns looks up meets weights of zero.
#if defined(BCR_KERNEL_BYTE_GROUPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_BYTE_GROUPS_INL_H_
#undef BCR_KERNEL_BYTE_GROUPS_INL_H_
#else
#define BCR_KERNEL_BYTE_GROUPS_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "bcr/format/bands.hpp"
#include "bcr/kernel/panel_task.hpp"
#include "bcr/kernel/strips-inl.h"
#include "bcr/simd/dot-inl.h"
#include "bcr/simd/ops-inl.h"
#include "bcr/simd/permute-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// The inputs of four columns, which are read from 64 of them whatever the index.
inline std::int32_t LookUpQuad(const std::uint8_t* x, const std::uint8_t* column) noexcept {
  const auto byte = [&](unsigned i) { return std::uint32_t{x[column[i] % byte_groups_columns]} << 8 * i; };
  return static_cast<std::int32_t>(byte(0) | byte(1) | byte(2) | byte(3));
}

// On any target: vectors of a group's lanes, where groups are that large.
struct SumByteGroups {
  static constexpr bool is_own = true;
  using D = ops::CappedTag<std::int32_t, 4>;

  template <int Inputs>
  static BCR_INLINE void run(StripSteps<std::uint8_t, std::int8_t> at, const strip_run& run, std::size_t) {
    for (int j = 0; j < Inputs; ++j, at.x += at.ldx, at.sums += strip_sums) {
      for (unsigned lane = 0; lane < at.lanes; lane += static_cast<unsigned>(ops::Lanes(D()))) sum_lanes(at, run, lane);
    }
  }

 private:
  static BCR_INLINE void sum_lanes(const StripSteps<std::uint8_t, std::int8_t>& at, const strip_run& run,
                                   unsigned first) {
    const D d;
    const byte_quad* weight = reinterpret_cast<const byte_quad*>(at.weight) + first;
    const std::uint8_t* column = at.column;
    auto sum = ops::Zero(d);
    for (unsigned quads = at.steps / 4; quads != 0; --quads, weight += at.lanes, column += 4 * run.groups()) {
      sum = AddProduct(d, LoadWide(d, weight), inputs(d, at.x, column, first, run.group_bits), sum);
    }
    ops::StoreU(sum, d, at.sums + first);
  }
  // Beyond the last group indices of what comes next are read, for lanes that nobody looks at.
  static BCR_INLINE ops::Vec<D> inputs(D d, const std::uint8_t* x, const std::uint8_t* column, unsigned first,
                                       unsigned group_bits) {
    if (ops::Lanes(d) <= std::size_t{1} << group_bits) {
      return ops::Set(d, LookUpQuad(x, column + (first >> group_bits) * 4));
    }
    std::int32_t quads[ops::MaxLanes(D())];
    for (unsigned l = 0; l < ops::Lanes(d); ++l) quads[l] = LookUpQuad(x, column + ((first + l) >> group_bits) * 4);
    return ops::LoadU(d, quads);
  }
};

#if BCR_LOOKS_UP_BYTES
// The steps of such a strip, of at most so many groups, with what its run has in common.
template <int Groups>
struct GroupSteps : StripSteps<std::uint8_t, std::int8_t> {
  QuadIndices<Groups> indices;
  std::size_t index_step;
  unsigned lane_bits;  // if padded
  bool padded;
};
template <class How, class W>
BCR_INLINE auto StripStepsOf(const strip_run& run, const W* weight, const std::uint8_t* after_rows,
                             const std::uint8_t* x, std::size_t ldx, unsigned lanes)
  requires quantised<W>
{
  const bool padded = How::vectors == 1 && run.padded != 0;
  return GroupSteps<How::groups>{{weight, after_rows + (padded ? 2 : 0), x, ldx, nullptr, run.steps, lanes},
                                 QuadIndices<How::groups>(run.group_bits),
                                 std::size_t{4} * run.groups(),
                                 after_rows[0] | unsigned{after_rows[1]} << 8,
                                 padded};
}

// Four columns of all lanes, times one input, or times each.
template <int First, class D, class A, std::size_t... I>
BCR_INLINE void MulAddGroup(D d, const std::int8_t* weight, const ops::Vec<D>& x, const A& acc,
                            std::index_sequence<I...>) {
  const byte_quad* const quads = reinterpret_cast<const byte_quad*>(weight);
  ((Sum<First + I>(d, acc) = AddProduct(d, LoadWide(d, quads + I * ops::Lanes(d)), x, Sum<First + I>(d, acc))), ...);
}
template <int Vectors, class D, class At, class A, class X, std::size_t... J>
BCR_INLINE void MulAddGroups(D d, const At& at, const A& acc, const X& windows, std::index_sequence<J...>) {
  constexpr auto vectors = std::make_index_sequence<Vectors>();
  const auto index = at.indices.of(at.column);
  (MulAddGroup<static_cast<int>(J) * Vectors>(d, at.weight, LookUp64(d, Sum<J>(d, windows), index), acc, vectors), ...);
}

// Takes out the sums of lanes that are no rows.
template <class D, class A, std::size_t... J>
BCR_INLINE void CompressSums(D d, unsigned bits, const A& acc, std::index_sequence<J...>) {
  ((Sum<J>(d, acc) = CompressVector(d, bits, Sum<J>(d, acc))), ...);
}

// Loads the windows of all inputs first.
template <class How, int Inputs, strip_kind Kind, int Groups, class D, class A, class... X>
BCR_INLINE void AddStripSteps(D d, GroupSteps<Groups>& at, const A& acc, X&... windows) {
  if constexpr (sizeof...(X) < Inputs) {
    auto next = LoadBytes(d, at.x + sizeof...(X) * at.ldx);
    AddStripSteps<How, Inputs, Kind>(d, at, acc, windows..., next);
  } else {
    const RefsTo<X...> refs{{windows}...};
    unsigned left = at.steps;
    do {
      MulAddGroups<How::vectors>(d, at, acc, refs, std::make_index_sequence<Inputs>());
      at.column += at.index_step;
      at.weight += std::size_t{4} * at.lanes;
    } while ((left -= 4) != 0);
    if constexpr (How::vectors == 1) {
      if (at.padded) CompressSums(d, at.lane_bits, acc, std::make_index_sequence<Inputs>());
    }
  }
}
#endif

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_BYTE_GROUPS_INL_H_
