// Where the kernels on panels find the rows of their input, and which elements of them count. A policy has
//
//   Of(task, first)         the rows from `first` on, as the task says
//   Row(index)              one of them
//   Address(index)          likewise, to ask for it ahead
//   LanesOf<Vectors>(d, i)  which lanes of row i's vectors are there; the same for all rows of a segment
//   crosses_lines           whether vectors mostly lie across lines of the cache
//   narrow                  whether the elements are in bf16
//   asks_ahead              whether tasks may say what to ask for ahead
#if defined(BCR_KERNEL_INPUT_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_INPUT_ROWS_INL_H_
#undef BCR_KERNEL_INPUT_ROWS_INL_H_
#else
#define BCR_KERNEL_INPUT_ROWS_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "bcr/simd/narrow-inl.h"
#include "bcr/simd/ops-inl.h"
#include "bcr/simd/permute-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// Which lanes of a column's vectors are there, the others being zero: all of them, ...
struct AllLanes {};
template <int I, class D, class T>
BCR_INLINE ops::Vec<D> LoadThose(D d, const AllLanes&, const T* p) {
  return LoadWide(d, p);
}
#if BCR_PERMUTES_512
// ... or some, of targets that have registers for that.
template <class D>
struct SomeLanes {
  ops::Mask<D> m0, m1, m2, m3, m4, m5;
};
template <int I, class D, class T>
BCR_INLINE ops::Vec<D> LoadThose(D d, const SomeLanes<D>& some, const T* p) {
  if constexpr (I == 0) return ops::MaskedLoad(some.m0, d, p);
  if constexpr (I == 1) return ops::MaskedLoad(some.m1, d, p);
  if constexpr (I == 2) return ops::MaskedLoad(some.m2, d, p);
  if constexpr (I == 3) return ops::MaskedLoad(some.m3, d, p);
  if constexpr (I == 4) return ops::MaskedLoad(some.m4, d, p);
  if constexpr (I == 5) return ops::MaskedLoad(some.m5, d, p);
}
#endif

// Keeps a compiler from counting in another variable than this one. Deriving one running pointer from the other costs
// it a register too many in the loops below, and it takes that from the vectors (see RunPanel).
template <class T>
BCR_INLINE void CountHere(T*& pointer) {
  asm("" : "+r"(pointer));
}

// Where the rows of the input are: as far apart as a matrix's, ...
template <class T>
struct RowsApart {
  static constexpr bool crosses_lines = false;  // vectors are mostly aligned, as plans see to it
  static constexpr bool narrow = narrow_float<T>;
  static constexpr bool asks_ahead = false;
  const T* b;
  std::size_t step;  // from row to row: in bytes where a weight multiplies by a lane, else in elements

  template <int Vectors, class D>
  BCR_INLINE AllLanes LanesOf(D, std::size_t) const {
    return {};
  }
  template <class Task>
  static BCR_INLINE RowsApart Of(const Task& task, std::size_t first) {
    std::size_t step = task.ldb;
    if constexpr (BCR_MULTIPLIES_BY_LANE) {
      step *= sizeof(T);
      asm("" : "+r"(step));  // or it would be taken apart again, and the address be two instructions
    }
    return {task.b + first * task.ldb, step};
  }
  BCR_INLINE std::uintptr_t Address(std::size_t index) const {
    return reinterpret_cast<std::uintptr_t>(b) + index * step * (BCR_MULTIPLIES_BY_LANE ? 1 : sizeof(T));
  }
  BCR_INLINE const T* Row(std::size_t index) const {
    if constexpr (BCR_MULTIPLIES_BY_LANE) {
      // Summed up here and not in some of the loads, it is a single instruction.
      const T* row = reinterpret_cast<const T*>(Address(index));
      CountHere(row);
      return row;
    }
    return b + index * step;
  }
};

// ... or each where a table says: a convolution's, which overlap.
template <class T>
struct RowsAt {
  static constexpr bool crosses_lines = true;
  static constexpr bool narrow = false;
  static constexpr bool asks_ahead = false;
  const T* b;
  const std::uint32_t* offsets;

  template <int Vectors, class D>
  BCR_INLINE AllLanes LanesOf(D, std::size_t) const {
    return {};
  }
  template <class Task>
  static BCR_INLINE RowsAt Of(const Task& task, std::size_t first) {
    return {task.b, task.offsets + first};
  }
  BCR_INLINE std::uintptr_t Address(std::size_t index) const {
    return reinterpret_cast<std::uintptr_t>(b) + std::size_t{offsets[index]} * sizeof(T);
  }
  BCR_INLINE const T* Row(std::size_t index) const {
    const T* row = b + offsets[index];
    if constexpr (BCR_MULTIPLIES_BY_LANE) CountHere(row);
    return row;
  }
};

#if BCR_PERMUTES_512
// Likewise, and of some vectors not all lanes count. All columns of a segment leave out the same ones.
template <class T>
struct SomeOfRowsAt : RowsAt<T> {
  static constexpr bool asks_ahead = true;
  const std::uint8_t* lane_bits;  // of the tile; columns find theirs some bytes on
  const std::uint32_t* bits_at;

  template <class Task>
  static BCR_INLINE SomeOfRowsAt Of(const Task& task, std::size_t first) {
    return {RowsAt<T>::Of(task, first), task.lane_bits, task.lane_bits_at + first};
  }
  template <int Vectors, class D>
  BCR_INLINE SomeLanes<D> LanesOf(D d, std::size_t index) const {
    const std::uint8_t* const bits = lane_bits + bits_at[index];
    const auto of = [&](int vector) BCR_LAMBDA_ATTR {
      return ops::LoadMaskBits(d, bits + (vector < Vectors ? vector : 0) * ops::Lanes(d) / 8);
    };
    return {of(0), of(1), of(2), of(3), of(4), of(5)};
  }
};
#endif

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_INPUT_ROWS_INL_H_
