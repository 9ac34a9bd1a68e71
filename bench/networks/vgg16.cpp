#include "06_vgg16/network.hpp"

#include "make_model.hpp"

bench::network_model bench::make_vgg16(double rate) { return make_model<::vgg16::dense, ::vgg16::pruned>(rate); }
