// The "kernels" of device type CUDA.
#pragma once

#include <vector>

#include "torch_abi.h"
#include "values.h"

namespace tio::standin::torch {

// Registers them with libtorch's dispatcher, for as long as the process lives.
void install_kernels();

// The boxed fallback of dispatch key CUDA: every op that has no kernel of its own for it.
void run_kernel(void* functor, const OperatorHandle& op, c10::DispatchKeySet keys, Stack* stack);

// An op as a kernel: runs it on CPU tensors that lie over the memory of the CUDA tensors among its arguments,
// and leaves CUDA tensors in place of what it returns. In-place ops and out arguments write the device's
// memory directly.
void run_on_host(const OperatorHandle& op, Stack* stack);

// A CPU tensor over the memory of a CUDA tensor; a fresh one where there are no elements. Throws where the
// storage forbids access.
Tensor host_alias(const Tensor& device_tensor);

// A tensor from the current CUDA allocator, and one with the bytes and strides of a CPU tensor.
Tensor empty_on_device(c10::ArrayRef<int64_t> sizes, c10::ArrayRef<int64_t> strides, int32_t dtype);
Tensor copy_to_device(const Tensor& host_tensor);

// While it lives, ops that run inside a kernel are no events for the profiler (nor for TeraIO's observer), as
// what happens inside a kernel of CUDA is none.
class Unrecorded {
  public:
    Unrecorded() : former_(is_record_function_enabled()) { enable_record_function(false); }
    ~Unrecorded() { enable_record_function(former_); }
    Unrecorded(const Unrecorded&) = delete;
    Unrecorded& operator=(const Unrecorded&) = delete;

  private:
    bool former_;
};

// All values on the stack; leaves it empty. An unboxed call boxes exactly the arguments of the op.
Stack take_arguments(Stack* stack);

// Kernels of their own; each takes its arguments off the stack and leaves its results there.
using Kernel = void (*)(const OperatorHandle& op, Stack* stack);

void empty(const OperatorHandle& op, Stack* stack);
void empty_strided(const OperatorHandle& op, Stack* stack);
// The CPU's kernel, on CUDA tensors: for ops that look at sizes and storages and at no bytes.
void without_data(const OperatorHandle& op, Stack* stack);
void resize(const OperatorHandle& op, Stack* stack);
void record_stream(const OperatorHandle& op, Stack* stack);
void native_dropout(const OperatorHandle& op, Stack* stack);
void native_dropout_backward(const OperatorHandle& op, Stack* stack);
void flash_attention(const OperatorHandle& op, Stack* stack);
void flash_attention_backward(const OperatorHandle& op, Stack* stack);

// Lets scaled_dot_product_attention choose on CUDA as it does on the CPU.
void install_attention_choice();

}  // namespace tio::standin::torch
