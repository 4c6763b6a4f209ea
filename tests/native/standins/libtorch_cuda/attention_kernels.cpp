// scaled_dot_product_attention asks a table, by device, how it should compute, and has ops of its own for
// CUDA. Here the CPU's choice and the CPU's kernels stand behind both.
#include <cstring>

#include "gpu.h"
#include "kernels.h"

namespace tio::standin::torch {

// at::native::_fused_sdp_choice_stub: the CPU's function first, CUDA's behind it.
extern void* choice_table[2] TIO_SYMBOL("_ZN2at6native22_fused_sdp_choice_stubE");

namespace {

IValue scale_of(const std::optional<double>& scale) {
    return scale ? IValue(*scale) : IValue();
}

// A `const at::Tensor&` is the address of a pointer.
Tensor tensor_at(const void* reference) {
    void* implementation = nullptr;
    std::memcpy(&implementation, reference, sizeof implementation);
    return Tensor::share(implementation);
}

// What the CPU's kernels take: the first tensors, dropout_p and is_causal behind each other, no attn_mask,
// scale.
Stack for_host(const Stack& arguments, size_t tensors, size_t dropout, size_t scale) {
    Stack on_host;
    for (size_t i = 0; i < tensors; ++i) on_host.emplace_back(host_alias(arguments.at(i).tensor()));
    on_host.push_back(arguments.at(dropout));
    on_host.push_back(arguments.at(dropout + 1));
    on_host.emplace_back();
    on_host.push_back(arguments.at(scale));
    return on_host;
}

int64_t choose(const void* query, const void* key, const void* value, const std::optional<Tensor>& mask,
               double dropout, bool causal, std::optional<double> scale, bool grouped) {
    const Unrecorded unrecorded;
    Stack arguments;
    for (const void* reference : {query, key, value})
        arguments.emplace_back(host_alias(tensor_at(reference)));
    arguments.push_back(mask && mask->is_defined() ? IValue(host_alias(*mask)) : IValue());
    arguments.emplace_back(dropout);
    arguments.emplace_back(causal);
    arguments.push_back(scale_of(scale));
    arguments.emplace_back(grouped);
    return call("aten::_fused_sdp_choice", "", std::move(arguments)).front().integer();
}

}  // namespace

void install_attention_choice() {
    choice_table[1] = reinterpret_cast<void*>(&choose);
}

void flash_attention(const OperatorHandle&, Stack* stack) {
    // query, key, value, dropout_p, is_causal, return_debug_mask, scale
    const Stack arguments = take_arguments(stack);
    const Unrecorded unrecorded;
    std::optional<KernelTurn> turn(std::in_place);
    count_kernel();
    const Stack results =
        call("aten::_scaled_dot_product_flash_attention_for_cpu", "", for_host(arguments, 3, 3, 6));
    // output, logsumexp, cum_seq_q, cum_seq_k, max_q, max_k, rng_state, unused, debug_attn_mask
    const int64_t most_queries = arguments.at(0).tensor().sizes().at(2);
    const int64_t most_keys = arguments.at(1).tensor().sizes().at(2);
    turn.reset();
    stack->emplace_back(copy_to_device(results.at(0).tensor()));
    stack->emplace_back(copy_to_device(results.at(1).tensor()));
    stack->emplace_back(Tensor());
    stack->emplace_back(Tensor());
    stack->emplace_back(most_queries);
    stack->emplace_back(most_keys);
    const int64_t none = 0;
    const int64_t stride = 1;
    for (int i = 0; i < 3; ++i)
        stack->emplace_back(empty_on_device({&none, 1}, {&stride, 1}, aoti_torch_dtype_float32()));
}

void flash_attention_backward(const OperatorHandle&, Stack* stack) {
    // grad_out, query, key, value, out, logsumexp, cum_seq_q, cum_seq_k, max_q, max_k, dropout_p, is_causal,
    // philox_seed, philox_offset, scale -> three gradients
    const Stack arguments = take_arguments(stack);
    const Unrecorded unrecorded;
    std::optional<KernelTurn> turn(std::in_place);
    count_kernel();
    const Stack gradients = call("aten::_scaled_dot_product_flash_attention_for_cpu_backward", "",
                                 for_host(arguments, 6, 10, 14));
    turn.reset();
    for (const IValue& gradient : gradients) stack->emplace_back(copy_to_device(gradient.tensor()));
}

}  // namespace tio::standin::torch
