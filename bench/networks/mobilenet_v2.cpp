#include "07_mobilenet_v2/network.hpp"

#include "make_model.hpp"

bench::network_model bench::make_mobilenet_v2(double rate) {
  return make_model<::mobilenet_v2::dense, ::mobilenet_v2::pruned>(rate);
}
