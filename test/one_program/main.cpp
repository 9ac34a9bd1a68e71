#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "part.hpp"

int main() {
  std::vector<product> products;
#ifdef BCR_TEST_highway
  products.push_back(product_by_highway());
#endif
#ifdef BCR_TEST_xsimd
  products.push_back(product_by_xsimd());
#endif
#ifdef BCR_TEST_scalar
  products.push_back(product_by_scalar());
#endif
#ifdef BCR_TEST_sse4
  products.push_back(product_by_sse4());
#endif
  std::set<std::string> kernels;
  bool equal = true;
  for (const product& p : products) {
    std::printf("%s\n", p.kernel.c_str());
    kernels.insert(p.kernel);
    equal &= !p.values.empty() && p.values == products[0].values;
  }
  if (!equal) std::printf("FAILED: the products differ.\n");
  if (kernels.size() != products.size()) std::printf("FAILED: two files ran the same kernel.\n");
  return equal && kernels.size() == products.size() ? 0 : 1;
}
