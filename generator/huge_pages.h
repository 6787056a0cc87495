// Large memory of this machine.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace mambac {

// In huge pages where it fills half of one: a training step of product-medium walks 20 MB, and takes 7% longer when
// every 4 KiB of them need an entry of their own in the processor's table of pages. `bytes` is a multiple of
// `alignment`. Freed by std::free; throws std::bad_alloc.
inline void* allocate_in_huge_pages(size_t alignment, size_t bytes) {
  constexpr size_t huge_page = size_t{2} << 20;
  const bool huge = bytes >= huge_page / 2;
  const size_t whole = huge ? (bytes + huge_page - 1) / huge_page * huge_page : bytes;
  void* memory = std::aligned_alloc(huge ? std::max(huge_page, alignment) : alignment, whole);
  if (memory == nullptr) throw std::bad_alloc();
  if (huge) madvise(memory, whole, MADV_HUGEPAGE);  // a wish: without it all is as before
  return memory;
}

template <typename Value>
struct HugePages {
  using value_type = Value;
  HugePages() = default;
  template <typename Other>
  HugePages(const HugePages<Other>&) {}

  Value* allocate(size_t count) {
    constexpr size_t alignment = 64;
    const size_t bytes = std::max<size_t>(count * sizeof(Value), 1);
    return static_cast<Value*>(allocate_in_huge_pages(alignment, (bytes + alignment - 1) / alignment * alignment));
  }
  void deallocate(Value* memory, size_t) { std::free(memory); }
  friend bool operator==(const HugePages&, const HugePages&) { return true; }
};

// Parameters, their gradients and moments.
using ManyFloats = std::vector<float, HugePages<float>>;

}  // namespace mambac
