// On CUDA dropout is one op, on the CPU several: native_dropout as the CPU computes dropout, so that the same
// seed gives the same bits.
#include "gpu.h"
#include "kernels.h"

namespace tio::standin::torch {

namespace {

IValue nothing() {
    return {};
}

Tensor like(const Tensor& host, int32_t dtype) {
    return call_for_tensor(
        "aten::empty_like", "",
        {IValue(host), IValue(static_cast<int64_t>(dtype)), nothing(), nothing(), nothing(), nothing()});
}

Tensor to_type(const Tensor& host, int32_t dtype) {
    return call_for_tensor("aten::_to_copy", "",
                           {IValue(host), IValue(static_cast<int64_t>(dtype)), nothing(), nothing(),
                            nothing(), IValue(false), nothing()});
}

Tensor times(const Tensor& a, const Tensor& b) {
    return call_for_tensor("aten::mul", "Tensor", {IValue(a), IValue(b)});
}

}  // namespace

void native_dropout(const OperatorHandle&, Stack* stack) {
    // input, p, train -> output, mask
    const Stack arguments = take_arguments(stack);
    const double p = arguments.at(1).real();
    const bool train = arguments.at(2).is_none() || arguments.at(2).boolean();
    const Unrecorded unrecorded;
    std::optional<KernelTurn> turn(std::in_place);
    count_kernel();
    const Tensor input = host_alias(arguments.at(0).tensor());
    Tensor output;
    Tensor mask;
    if (!train) {
        mask = call_for_tensor("aten::ones_like", "",
                               {IValue(input), IValue(static_cast<int64_t>(aoti_torch_dtype_bool())),
                                nothing(), nothing(), nothing(), nothing()});
        output = call_for_tensor("aten::clone", "", {IValue(input), nothing()});
    } else if (p == 1) {
        mask =
            to_type(call_for_tensor("aten::zeros_like", "",
                                    {IValue(input), nothing(), nothing(), nothing(), nothing(), nothing()}),
                    aoti_torch_dtype_bool());
        output = times(input, mask);
    } else {
        Tensor noise = like(input, input.dtype());
        noise = call_for_tensor("aten::bernoulli_", "float", {IValue(noise), IValue(1 - p), nothing()});
        mask = to_type(noise, aoti_torch_dtype_bool());
        noise = call_for_tensor("aten::div_", "Scalar", {IValue(noise), IValue(1 - p)});
        output = times(input, noise);
    }
    turn.reset();
    stack->emplace_back(copy_to_device(output));
    stack->emplace_back(copy_to_device(mask));
}

void native_dropout_backward(const OperatorHandle&, Stack* stack) {
    // grad_output, mask, scale -> grad_input
    const Stack arguments = take_arguments(stack);
    const double scale = arguments.at(2).real();
    const Unrecorded unrecorded;
    std::optional<KernelTurn> turn(std::in_place);
    count_kernel();
    const Tensor gradient = host_alias(arguments.at(0).tensor());
    Tensor noise = to_type(host_alias(arguments.at(1).tensor()), gradient.dtype());
    if (scale != 0) noise = call_for_tensor("aten::div_", "Scalar", {IValue(noise), IValue(1 / scale)});
    const Tensor result = times(gradient, noise);
    turn.reset();
    stack->emplace_back(copy_to_device(result));
}

}  // namespace tio::standin::torch
