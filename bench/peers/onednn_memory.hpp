// Arrays on their way into the layouts that oneDNN has chosen, and out of them.
#pragma once

#include <cstring>
#include <oneapi/dnnl/dnnl.hpp>

namespace bench {

// `data`, laid out as `plain` says, in memory of oneDNN's that is laid out as `wanted` says.
inline dnnl::memory onednn_memory(const dnnl::engine& engine, const dnnl::memory::desc& wanted,
                                  const dnnl::memory::desc& plain, const float* data) {
  dnnl::memory from(plain, engine), to(wanted, engine);
  std::memcpy(from.get_data_handle(), data, plain.get_size());
  dnnl::stream stream(engine);
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
  return to;
}

// The other way.
inline void onednn_read(const dnnl::engine& engine, dnnl::memory from, const dnnl::memory::desc& plain, float* data) {
  dnnl::memory to(plain, engine, data);
  dnnl::stream stream(engine);
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
}

}  // namespace bench
