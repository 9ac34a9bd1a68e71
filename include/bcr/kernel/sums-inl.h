// Accumulators by number. A vector can stand in no array and no class (SVE's have no size), so each has a name of its
// own, and loops reach them through a struct of references.
//
// They are named in one place, all that any loop has: those that it does not use cost nothing. Naming them one by one,
// in a recursion that ends in the loops, has a compiler take the loops over, and improve them, once a name: a file with
// one product took a third longer to compile.
#if defined(BCR_KERNEL_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_SUMS_INL_H_
#undef BCR_KERNEL_SUMS_INL_H_
#else
#define BCR_KERNEL_SUMS_INL_H_
#endif

#include <cstddef>
#include <utility>

#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// References to vectors, by number. A struct of references is no vector, so that SVE's sizeless ones may be meant.
template <std::size_t I, class V>
struct VectorRef {
  V& v;
};
template <class Indices, class... V>
struct VectorRefs;
template <std::size_t... I, class... V>
struct VectorRefs<std::index_sequence<I...>, V...> : VectorRef<I, V>... {};
template <class... V>
using RefsTo = VectorRefs<std::index_sequence_for<V...>, V...>;

template <std::size_t I, class D, class A>
BCR_INLINE ops::Vec<D>& Sum(D, const A& acc) {
  return static_cast<const VectorRef<I, ops::Vec<D>>&>(acc).v;
}

// References to as many vectors as any loop has accumulators. BCR_NAME_SUMS declares these, all zero, and `refs`: there
// and not in a function, whose inlining g++ 12 answers with a move more for each of NEON's sums.
template <class V>
using RefsToSums = RefsTo<V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V>;
#define BCR_NAME_SUMS(d, refs)                                                                                      \
  auto refs##0 = ops::Zero(d), refs##1 = ops::Zero(d), refs##2 = ops::Zero(d), refs##3 = ops::Zero(d);              \
  auto refs##4 = ops::Zero(d), refs##5 = ops::Zero(d), refs##6 = ops::Zero(d), refs##7 = ops::Zero(d);              \
  auto refs##8 = ops::Zero(d), refs##9 = ops::Zero(d), refs##10 = ops::Zero(d), refs##11 = ops::Zero(d);            \
  auto refs##12 = ops::Zero(d), refs##13 = ops::Zero(d), refs##14 = ops::Zero(d), refs##15 = ops::Zero(d);          \
  auto refs##16 = ops::Zero(d), refs##17 = ops::Zero(d), refs##18 = ops::Zero(d), refs##19 = ops::Zero(d);          \
  auto refs##20 = ops::Zero(d), refs##21 = ops::Zero(d), refs##22 = ops::Zero(d), refs##23 = ops::Zero(d);          \
  const RefsToSums<decltype(refs##0)> refs {                                                                        \
    {refs##0}, {refs##1}, {refs##2}, {refs##3}, {refs##4}, {refs##5}, {refs##6}, {refs##7}, {refs##8}, {refs##9},   \
        {refs##10}, {refs##11}, {refs##12}, {refs##13}, {refs##14}, {refs##15}, {refs##16}, {refs##17}, {refs##18}, \
        {refs##19}, {refs##20}, {refs##21}, {refs##22}, {refs##23}                                                  \
  }

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_SUMS_INL_H_
