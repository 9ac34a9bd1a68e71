// A plan in BCR_TYPE: float compiles, double is refused.
#include "bcr/bcr.hpp"

using block = bcr::block<4, 16>;
bool is_possible(const bcr::packed_weights<BCR_TYPE, block>& weights);
bool is_possible(const bcr::packed_weights<BCR_TYPE, block>& weights) {
  return bcr::gemm_plan<BCR_TYPE>::create(weights, {.columns = 1}).ok();
}
