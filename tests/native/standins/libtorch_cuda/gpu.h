// The "device": where its memory comes from, and when a kernel may run.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tio::standin::torch {

// Host memory, 512-byte aligned. Where the process uses the stand-in for libcuda (TERAIO_CUDA_PATH names it
// when the first block is allocated), the memory is that library's, and its addresses fault when the CPU
// touches them. Throws std::bad_alloc.
void* allocate_device_memory(size_t bytes);
void free_device_memory(void* memory) noexcept;

// What code on the host may read and write of an address from allocate_device_memory.
void* host_view(void* device_address);

// A kernel's turn in the default stream: constructed when all that is in the stream before it has run, and
// what comes later runs after its end. Without the stand-in for libcuda, at once. Nothing may be allocated in
// it: an allocator that makes room waits for what is in the stream.
class KernelTurn {
  public:
    KernelTurn();
    ~KernelTurn();
    KernelTurn(const KernelTurn&) = delete;
    KernelTurn& operator=(const KernelTurn&) = delete;

  private:
    struct Turn;
    Turn* turn_ = nullptr;
};

void count_kernel();
uint64_t kernels_run();

}  // namespace tio::standin::torch
