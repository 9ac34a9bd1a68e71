// What each epilogue does to a vector of results. Apply finds the overload by the epilogue's type; activations, which
// do not care where in the output they are, overload the shorter Activate. Not-a-number stays not-a-number everywhere.
#if defined(BCR_KERNEL_EPILOGUE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_EPILOGUE_INL_H_
#undef BCR_KERNEL_EPILOGUE_INL_H_
#else
#define BCR_KERNEL_EPILOGUE_INL_H_
#endif

#include <cstddef>

#include "bcr/kernel/epilogue.hpp"
#include "bcr/simd/math-inl.h"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

template <class D, class V = ops::Vec<D>>
BCR_INLINE V Activate(D, const epilogue::none&, V x) {
  return x;
}
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Activate(D d, const epilogue::relu&, V x) {
  return AtLeast(d, 0, x);
}
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Activate(D d, const epilogue::relu6&, V x) {
  return AtMost(d, 6, AtLeast(d, 0, x));
}
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Activate(D d, const epilogue::clamp<ops::TFromD<D>>& c, V x) {
  return AtMost(d, c.high, AtLeast(d, c.low, x));
}
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Activate(D d, const epilogue::leaky_relu<ops::TFromD<D>>& l, V x) {
  return ops::IfThenElse(ops::Lt(x, ops::Zero(d)), ops::Mul(x, ops::Set(d, l.slope)), x);
}
// The bounded factor is divided first: x * 6 may overflow. Minus infinity meets an exact zero, and becomes zero as
// well.
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Activate(D d, const epilogue::hard_swish&, V x) {
  using T = ops::TFromD<D>;
  const V gate = AtMost(d, 6, AtLeast(d, 0, ops::Add(x, ops::Set(d, 3))));
  return ops::Mul(AtLeast(d, -3, x), ops::Div(gate, ops::Set(d, T(6))));
}
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Activate(D d, const epilogue::sigmoid&, V x) {
  return Sigmoid(d, x);
}
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Activate(D d, const epilogue::tanh&, V x) {
  return Tanh(d, x);
}
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Activate(D d, const epilogue::silu&, V x) {
  return Silu(d, x);
}
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Activate(D d, const epilogue::gelu&, V x) {
  return Gelu(d, x);
}
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Activate(D d, const epilogue::gelu_tanh&, V x) {
  return GeluTanh(d, x);
}

// Lanes [first, last) from memory. The compiler knows a whole vector when it sees one, and drops the test.
template <class D>
BCR_INLINE ops::Vec<D> LoadPart(D d, const ops::TFromD<D>* p, std::size_t first, std::size_t last) {
  if (first == 0 && last == ops::Lanes(d)) return ops::LoadU(d, p);
  return LoadLanes(d, p, first, last);
}

// The first `count` lanes, `stride` elements apart; the other lanes are zero.
template <class D, class T = ops::TFromD<D>>
BCR_INLINE ops::Vec<D> LoadStrided(D d, const T* p, std::size_t stride, std::size_t count) {
  if (stride == 1) return LoadPart(d, p, 0, count);
  T lanes[ops::MaxLanes(D())] = {};
  for (std::size_t l = 0; l < count; ++l) lanes[l] = p[l * stride];
  return ops::LoadU(d, lanes);
}

// Applies an epilogue to `x`, whose lane l is the result of W's row `row` in column `column` + l (along_columns), or of
// row `row` + l in column `column` (along_rows, down_rows); a column is a column of B in gemm, a token in linear. Only
// lanes [first, last) belong to the output, `first` being 0 in down_rows: nothing is read for the others, and what
// becomes of them does not matter.
template <orientation Along, class D, class Epilogue, class V = ops::Vec<D>>
BCR_INLINE V Apply(D d, const Epilogue& e, V x, std::size_t, std::size_t, std::size_t, std::size_t) {
  return Activate(d, e, x);
}

template <orientation Along, class D, class V = ops::Vec<D>>
BCR_INLINE V Apply(D d, const epilogue::bias<ops::TFromD<D>>& b, V x, std::size_t row, std::size_t, std::size_t first,
                   std::size_t last) {
  if constexpr (Along == along_columns) {
    return ops::Add(x, ops::Set(d, b.per_row[row]));
  } else {
    return ops::Add(x, LoadPart(d, b.per_row + row, first, last));
  }
}

template <orientation Along, class D, class T = ops::TFromD<D>, class V = ops::Vec<D>>
BCR_INLINE V Apply(D d, const epilogue::residual<T>& r, V x, std::size_t row, std::size_t column, std::size_t first,
                   std::size_t last) {
  const T* const at =
      r.data + (Along == along_rows ? column * r.leading_dimension + row : row * r.leading_dimension + column);
  if constexpr (Along == down_rows) return ops::Add(x, LoadStrided(d, at, r.leading_dimension, last));
  return ops::Add(x, LoadPart(d, at, first, last));
}

template <orientation Along, class D, class V = ops::Vec<D>>
BCR_INLINE V Apply(D, const epilogue::chain_of<>&, V x, std::size_t, std::size_t, std::size_t, std::size_t) {
  return x;
}
template <orientation Along, class D, class First, class... Rest, class V = ops::Vec<D>>
BCR_INLINE V Apply(D d, const epilogue::chain_of<First, Rest...>& c, V x, std::size_t row, std::size_t column,
                   std::size_t first, std::size_t last) {
  x = Apply<Along>(d, c.first, x, row, column, first, last);
  return Apply<Along>(d, c.rest, x, row, column, first, last);
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_EPILOGUE_INL_H_
