#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "gpu.h"
#include "kernels.h"

namespace tio::standin::torch {

namespace {

// One distinct CUDA tensor among an op's arguments.
struct Operand {
    Tensor original;
    Tensor alias;
};

class Operands {
  public:
    // Puts an alias in the place of each CUDA tensor.
    void lend(IValue& value) {
        if (value.tag() == IValue::Tag::tensor) {
            const Tensor tensor = value.tensor();
            if (tensor.is_cuda()) value = IValue(alias_of(tensor));
        } else if (value.tag() == IValue::Tag::device) {
            if (value.device().type == c10::DeviceType::CUDA) value.set_device({c10::DeviceType::CPU, -1});
        } else if (auto* elements = value.elements()) {
            // Whoever boxed the list may still hold it.
            if (!has_cuda_tensor(*elements)) return;
            lists_.emplace_back(value, *elements);
            for (IValue& element : *elements) lend(element);
        }
    }

    // Puts the original, a view of it, or a new CUDA tensor in the place of each CPU tensor.
    void take_back(IValue& value) {
        if (value.tag() == IValue::Tag::tensor) {
            const Tensor tensor = value.tensor();
            if (tensor.is_defined() && !tensor.is_cuda()) value = IValue(on_device(tensor));
        } else if (auto* elements = value.elements()) {
            for (IValue& element : *elements) take_back(element);
        }
    }

    // An out argument without elements: libtorch resizes it. Its alias was a tensor of its own.
    void finish_resized() {
        for (Operand& operand : operands_) {
            if (operand.original.numel() != 0 || operand.alias.numel() == 0) continue;
            call("aten::resize_as_", "", {IValue(operand.original), IValue(operand.alias), IValue()});
            const KernelTurn turn;
            call("aten::copy_", "",
                 {IValue(host_alias(operand.original)), IValue(operand.alias), IValue(false)});
        }
    }

    void restore_lists() {
        for (auto& [list, elements] : lists_) list.elements()->swap(elements);
        lists_.clear();
    }

  private:
    static bool has_cuda_tensor(const std::vector<IValue>& elements) {
        for (const IValue& element : elements)
            if (element.tag() == IValue::Tag::tensor && element.tensor().is_cuda()) return true;
        return false;
    }

    const Tensor& alias_of(const Tensor& tensor) {
        for (const Operand& operand : operands_)
            if (operand.original.implementation() == tensor.implementation()) return operand.alias;
        operands_.push_back({tensor, host_alias(tensor)});
        return operands_.back().alias;
    }

    Tensor on_device(const Tensor& result) const {
        for (const Operand& operand : operands_)
            if (operand.alias.implementation() == result.implementation()) return operand.original;
        if (result.numel() == 0) return copy_to_device(result);
        for (const Operand& operand : operands_)
            if (operand.alias.numel() != 0 && lies_in(result, operand.alias)) return view_of(operand, result);
        return copy_to_device(result);
    }

    static bool lies_in(const Tensor& part, const Tensor& whole) {
        const auto* begin = static_cast<const char*>(whole.data());
        const auto* address = static_cast<const char*>(part.data());
        return address >= begin && address < begin + whole.span();
    }

    static Tensor view_of(const Operand& operand, const Tensor& result) {
        if (result.dtype() != operand.original.dtype())
            throw std::logic_error("libtorch_cuda stand-in: views of another type are not modelled");
        const auto offset =
            static_cast<const char*>(result.data()) - static_cast<const char*>(operand.alias.data());
        const std::vector<int64_t> sizes = result.sizes();
        const std::vector<int64_t> strides = result.strides();
        void** view = nullptr;
        if (aoti_torch__reinterpret_tensor(operand.original.handle(), result.dim(), sizes.data(),
                                           strides.data(),
                                           offset / static_cast<int64_t>(result.element_size()), &view) != 0)
            throw std::runtime_error("libtorch_cuda stand-in: making a view failed");
        return Tensor::adopt_handle(view);
    }

    std::vector<Operand> operands_;
    std::vector<std::pair<IValue, std::vector<IValue>>> lists_;
};

}  // namespace

Tensor host_alias(const Tensor& device_tensor) {
    if (!device_tensor.is_strided())
        throw std::logic_error("libtorch_cuda stand-in: only dense tensors are modelled");
    const std::vector<int64_t> sizes = device_tensor.sizes();
    const std::vector<int64_t> strides = device_tensor.strides();
    void** alias = nullptr;
    const int32_t error =
        device_tensor.numel() == 0
            ? aoti_torch_empty_strided(device_tensor.dim(), sizes.data(), strides.data(),
                                       device_tensor.dtype(), static_cast<int32_t>(c10::DeviceType::CPU), 0,
                                       &alias)
            : aoti_torch_create_tensor_from_blob(host_view(device_tensor.data()), device_tensor.dim(),
                                                 sizes.data(), strides.data(), 0, device_tensor.dtype(),
                                                 static_cast<int32_t>(c10::DeviceType::CPU), 0, &alias);
    if (error != 0) throw std::runtime_error("libtorch_cuda stand-in: making a CPU tensor failed");
    return Tensor::adopt_handle(alias);
}

Tensor copy_to_device(const Tensor& host_tensor) {
    const std::vector<int64_t> sizes = host_tensor.sizes();
    const std::vector<int64_t> strides = host_tensor.strides();
    Tensor result =
        empty_on_device({sizes.data(), sizes.size()}, {strides.data(), strides.size()}, host_tensor.dtype());
    if (host_tensor.numel() == 0) return result;
    const KernelTurn turn;
    std::memcpy(host_view(result.data()), host_tensor.data(), host_tensor.span());
    return result;
}

void run_on_host(const OperatorHandle& op, Stack* stack) {
    const Unrecorded unrecorded;
    Operands operands;
    for (IValue& value : *stack) operands.lend(value);
    try {
        const KernelTurn turn;
        count_kernel();
        call_boxed(&dispatcher(), op, stack);
    } catch (...) {
        operands.restore_lists();
        throw;
    }
    operands.finish_resized();
    for (IValue& value : *stack) operands.take_back(value);
    operands.restore_lists();
}

}  // namespace tio::standin::torch
