// Global operator new and delete that count. They stand apart from their uses, so that no compiler inlines them there.
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

int allocations();

namespace {

std::atomic<int> calls = 0;

void* counted(std::size_t size, std::size_t alignment) {
  ++calls;
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

int allocations() { return calls; }

// The array and nothrow forms call these two.
void* operator new(std::size_t size) { return counted(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
