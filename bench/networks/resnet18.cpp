#include "05_resnet18/network.hpp"

#include "make_model.hpp"

bench::network_model bench::make_resnet18(double rate) {
  return make_model<::resnet18::dense, ::resnet18::pruned>(rate);
}
