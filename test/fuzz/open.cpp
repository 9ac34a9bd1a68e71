// Any bytes as saved weights. They are opened as they are, and once more with the length and the checksum that belong
// to them, which the fuzzer would never guess; weights that open are walked, unpacked and multiplied by. The sanitizers
// watch, and every operand is allocated to its exact size.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "fuzz/input.hpp"
#include "support/kernels_once.hpp"
#include "support/tampered.hpp"

namespace {

using bcr::test::demand;

template <bcr::blob_layout Layout>
void use(const bcr::packed_weights<float, bcr::block<8, 4>, Layout>& w) {
  constexpr std::size_t n = 3, most = 512;
  demand(bcr::test::can_be_walked(w));
  if (w.rows() > most || w.columns() > most) return;
  std::vector<float> dense(w.rows() * w.columns()), in(w.columns() * n, 1.0f), out(w.rows() * n);
  demand(bcr::unpack(w, {dense.data(), w.rows(), w.columns()}).ok());
  const auto gemm = bcr::gemm_plan<float>::create(w, {.columns = n, .threads = 2});
  const auto linear = bcr::linear_plan<float>::create(w, {.tokens = n, .threads = 2});
  demand(gemm.ok() && linear.ok());
  std::vector<std::byte> gemm_workspace(gemm->workspace_bytes()), linear_workspace(linear->workspace_bytes());
  demand(gemm->run({in.data(), w.columns(), n}, {out.data(), w.rows(), n}, gemm_workspace).ok());
  demand(linear->run({in.data(), n, w.columns()}, {out.data(), n, w.rows()}, linear_workspace).ok());
}
void use(const bcr::packed_weights<double, bcr::block<4, 16>>& w) { demand(bcr::test::can_be_walked(w)); }
void use(const bcr::packed_weights<bcr::bf16, bcr::block<4, 16>>& w) {
  demand(bcr::test::can_be_walked(w));
  if (w.rows() > 512 || w.columns() > 512) return;
  for (const std::size_t n : {1u, 3u}) {
    std::vector<float> in(w.columns() * n, 1.0f), out(w.rows() * n);
    const auto gemm = bcr::gemm_plan<float, bcr::epilogue::none, bcr::bf16>::create(w, {.columns = n});
    demand(gemm.ok());
    std::vector<std::byte> workspace(gemm->workspace_bytes());
    demand(gemm->run({in.data(), w.columns(), n}, {out.data(), w.rows(), n}, workspace).ok());
  }
}

void use(const bcr::packed_weights<std::int8_t, bcr::block<4, 16>, bcr::blob_layout::bands>& w) {
  demand(bcr::test::can_be_walked(w));
  if (w.rows() > 512 || w.columns() > 512) return;
  std::vector<float> in(w.columns() * 3, 1.0f), out(w.rows() * 3);
  const auto linear = bcr::linear_plan<float, bcr::epilogue::none, std::int8_t>::create(w, {.tokens = 3});
  demand(linear.ok());
  std::vector<std::byte> workspace(linear->workspace_bytes());
  demand(linear->run({in.data(), 3, w.columns()}, {out.data(), 3, w.rows()}, workspace).ok());
}

template <class Weights>
void open(std::span<const std::byte> bytes) {
  const auto opened = Weights::view(bytes);
  demand(std::strlen(opened.message()) > 0);
  if (opened) use(*opened);
}

void open_as_any(std::span<const std::byte> bytes) {
  open<bcr::packed_weights<float, bcr::block<8, 4>>>(bytes);
  open<bcr::packed_weights<float, bcr::block<8, 4>, bcr::blob_layout::bands>>(bytes);
  open<bcr::packed_weights<double, bcr::block<4, 16>>>(bytes);
  open<bcr::packed_weights<bcr::bf16, bcr::block<4, 16>>>(bytes);
  open<bcr::packed_weights<std::int8_t, bcr::block<4, 16>, bcr::blob_layout::bands>>(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = bcr::buffer<std::byte>::allocate(size);
  demand(bytes.ok());
  if (size != 0) std::memcpy(bytes->data(), data, size);
  open_as_any(*bytes);
  if (size < sizeof(bcr::blob_header) || size % bcr::buffer_alignment != 0) return 0;

  auto& header = *reinterpret_cast<bcr::blob_header*>(bytes->data());
  header.total_bytes = size;
  header.checksum = bcr::detail::blob_checksum(*bytes);
  open_as_any(*bytes);
  return 0;
}
