#include "values.h"

#include <cstring>
#include <stdexcept>

namespace tio::standin::torch {

// c10::UndefinedTensorImpl::_singleton, which stands for every null pointer in a boxed value.
extern char undefined_tensor TIO_SYMBOL("_ZN3c1019UndefinedTensorImpl10_singletonE");

namespace {

// Where c10::detail::ListImpl keeps its std::vector<IValue>: behind the vtable and the counts.
constexpr size_t list_elements_offset = 16;

void check(int32_t error, const char* what) {
    if (error != 0) throw std::runtime_error(std::string("libtorch_cuda stand-in: ") + what + " failed");
}

}  // namespace

// The C ABI copies and deletes an at::Tensor, that is, an intrusive_ptr: any target will do.
void retain(void* target) {
    void** copy = nullptr;
    check(aoti_torch_new_tensor_handle(&target, &copy), "taking a reference");
    ::operator delete(copy);
}

void release(void* target) noexcept {
    aoti_torch_delete_tensor_object(new void*(target));
}

// ---- Tensor

Tensor::Tensor() : implementation_(&undefined_tensor) {}

Tensor Tensor::adopt(void* implementation) {
    Tensor result;
    result.implementation_ = implementation;
    return result;
}

Tensor Tensor::adopt_handle(void** handle) {
    Tensor result = adopt(*handle);
    ::operator delete(handle);
    return result;
}

Tensor Tensor::share(void* implementation) {
    if (implementation != &undefined_tensor) retain(implementation);
    return adopt(implementation);
}

Tensor::Tensor(const Tensor& other) : Tensor(share(other.implementation_)) {}

Tensor::Tensor(Tensor&& other) noexcept
    : implementation_(std::exchange(other.implementation_, static_cast<void*>(&undefined_tensor))) {}

Tensor& Tensor::operator=(Tensor other) noexcept {
    std::swap(implementation_, other.implementation_);
    return *this;
}

Tensor::~Tensor() {
    if (is_defined()) release(implementation_);
}

void* Tensor::give_up() {
    return std::exchange(implementation_, static_cast<void*>(&undefined_tensor));
}

bool Tensor::is_defined() const {
    return implementation_ != &undefined_tensor;
}

bool Tensor::is_cuda() const {
    if (!is_defined()) return false;
    int32_t type = 0;
    check(aoti_torch_get_device_type(handle(), &type), "asking for a device");
    return type == static_cast<int32_t>(c10::DeviceType::CUDA);
}

bool Tensor::is_strided() const {
    int32_t layout = 0;
    check(aoti_torch_get_layout(handle(), &layout), "asking for a layout");
    return layout == aoti_torch_layout_strided();
}

char* Tensor::storage() const {
    char* result = nullptr;
    std::memcpy(&result, static_cast<const char*>(implementation_) + storage_offset, sizeof result);
    return result;
}

int64_t Tensor::dim() const {
    int64_t result = 0;
    check(aoti_torch_get_dim(handle(), &result), "asking for dimensions");
    return result;
}

int64_t Tensor::numel() const {
    int64_t result = 0;
    check(aoti_torch_get_numel(handle(), &result), "asking for the number of elements");
    return result;
}

std::vector<int64_t> Tensor::sizes() const {
    int64_t* values = nullptr;
    check(aoti_torch_get_sizes(handle(), &values), "asking for sizes");
    return {values, values + dim()};
}

std::vector<int64_t> Tensor::strides() const {
    int64_t* values = nullptr;
    check(aoti_torch_get_strides(handle(), &values), "asking for strides");
    return {values, values + dim()};
}

int32_t Tensor::dtype() const {
    int32_t result = 0;
    check(aoti_torch_get_dtype(handle(), &result), "asking for a type");
    return result;
}

size_t Tensor::element_size() const {
    return aoti_torch_dtype_element_size(dtype());
}

void* Tensor::data() const {
    if (numel() == 0) return nullptr;
    // The C ABI would throw the same error, print it and forget it.
    if (storage()[storage_throws_offset] != 0) throw_access_error(storage());
    void* result = nullptr;
    check(aoti_torch_get_data_ptr(handle(), &result), "access to a tensor's data");
    if (result == nullptr)
        throw std::runtime_error("libtorch_cuda stand-in: a tensor with elements has no memory");
    return result;
}

size_t Tensor::span() const {
    if (numel() == 0) return 0;
    const std::vector<int64_t> size = sizes();
    const std::vector<int64_t> stride = strides();
    int64_t last = 0;
    for (size_t i = 0; i < size.size(); ++i) last += (size[i] - 1) * stride[i];
    return (static_cast<size_t>(last) + 1) * element_size();
}

// ---- IValue

IValue::IValue(double value) : tag_(Tag::real) {
    std::memcpy(&payload_, &value, sizeof value);
}

bool IValue::owns() const {
    switch (tag_) {
        case Tag::none:
        case Tag::real:
        case Tag::integer:
        case Tag::unsigned_integer:
        case Tag::boolean:
        case Tag::device:
        case Tag::uninitialized:
            return false;
        default:
            return target() != nullptr && target() != &undefined_tensor;
    }
}

IValue::IValue(const IValue& other) : payload_(other.payload_), tag_(other.tag_) {
    if (owns()) retain(target());
}

IValue& IValue::operator=(IValue other) noexcept {
    std::swap(payload_, other.payload_);
    std::swap(tag_, other.tag_);
    return *this;
}

IValue::~IValue() {
    if (owns()) release(target());
}

Tensor IValue::tensor() const {
    if (is_none()) return {};
    if (tag_ != Tag::tensor) throw std::logic_error("libtorch_cuda stand-in: an argument is no tensor");
    return Tensor::share(target());
}

int64_t IValue::integer() const {
    if (tag_ != Tag::integer) throw std::logic_error("libtorch_cuda stand-in: an argument is no integer");
    return static_cast<int64_t>(payload_);
}

double IValue::real() const {
    if (tag_ == Tag::integer) return static_cast<double>(integer());
    if (tag_ != Tag::real) throw std::logic_error("libtorch_cuda stand-in: an argument is no number");
    double value = 0;
    std::memcpy(&value, &payload_, sizeof value);
    return value;
}

bool IValue::boolean() const {
    if (tag_ != Tag::boolean) throw std::logic_error("libtorch_cuda stand-in: an argument is no truth value");
    return (payload_ & 0xff) != 0;
}

std::vector<IValue>* IValue::elements() const {
    if (tag_ != Tag::list) return nullptr;
    return reinterpret_cast<std::vector<IValue>*>(static_cast<char*>(target()) + list_elements_offset);
}

std::vector<int64_t> IValue::integers() const {
    const std::vector<IValue>* list = elements();
    if (list == nullptr) throw std::logic_error("libtorch_cuda stand-in: an argument is no list");
    std::vector<int64_t> result;
    for (const IValue& value : *list) result.push_back(value.integer());
    return result;
}

c10::Device IValue::device() const {
    c10::Device result;
    std::memcpy(static_cast<void*>(&result), &payload_, sizeof result);
    return result;
}

void IValue::set_device(c10::Device device) {
    std::memcpy(&payload_, &device, sizeof device);
}

// ---- calls

Stack call(const char* name, const char* overload, Stack arguments) {
    Dispatcher& all = dispatcher();
    call_boxed(&all, find_schema(&all, name, overload), &arguments);
    return arguments;
}

Tensor call_for_tensor(const char* name, const char* overload, Stack arguments) {
    return call(name, overload, std::move(arguments)).front().tensor();
}

}  // namespace tio::standin::torch
