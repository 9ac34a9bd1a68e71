#pragma once

#include <string>
#include <vector>

struct product {
  std::string kernel;  // what kernel_name() says, or what went wrong
  std::vector<float> values;
};

product product_by_highway();
product product_by_xsimd();
product product_by_scalar();
product product_by_sse4();
