// Owning handles on libtorch's tensors and boxed values.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "torch_abi.h"

namespace tio::standin::torch {

// References are counted by libtorch's own code, for whatever intrusive_ptr can point to.
void retain(void* target);
void release(void* target) noexcept;

// at::Tensor: one pointer. Defined or libtorch's undefined tensor.
class Tensor {
  public:
    // Where TensorImpl keeps its StorageImpl*, and that its DataPtr, its size and whether access throws:
    // libtorch 2.10, as TeraIO's observer proves when it attaches (native/torch_observer/src/layout.cpp).
    static constexpr size_t storage_offset = 16;
    static constexpr size_t storage_data_offset = 16;
    static constexpr size_t storage_bytes_offset = 48;
    static constexpr size_t storage_throws_offset = 60;

    Tensor();
    // Takes over a reference.
    static Tensor adopt(void* implementation);
    // Takes over the reference of a handle that the C ABI made, and the handle.
    static Tensor adopt_handle(void** handle);
    static Tensor share(void* implementation);

    Tensor(const Tensor& other);
    Tensor(Tensor&& other) noexcept;
    Tensor& operator=(Tensor other) noexcept;
    ~Tensor();

    void* implementation() const { return implementation_; }
    void* give_up();
    const void* handle() const { return &implementation_; }

    bool is_defined() const;
    bool is_cuda() const;
    bool is_strided() const;
    char* storage() const;
    int64_t dim() const;
    int64_t numel() const;
    std::vector<int64_t> sizes() const;
    std::vector<int64_t> strides() const;
    int32_t dtype() const;
    size_t element_size() const;
    // Throws where the storage forbids access, as real kernels do. Nullptr when there are no elements.
    void* data() const;
    // Bytes from the first element to the end of the last one.
    size_t span() const;

  private:
    void* implementation_;
};

// c10::IValue.
class IValue {
  public:
    enum class Tag : uint32_t {
        none = 0,
        tensor = 1,
        storage = 2,
        real = 3,
        integer = 5,
        unsigned_integer = 6,
        boolean = 10,
        list = 14,
        device = 18,
        stream = 19,
        uninitialized = 22,
    };

    IValue() = default;
    explicit IValue(Tensor tensor)
        : payload_(reinterpret_cast<uintptr_t>(tensor.give_up())), tag_(Tag::tensor) {}
    explicit IValue(double value);
    explicit IValue(int64_t value) : payload_(static_cast<uint64_t>(value)), tag_(Tag::integer) {}
    explicit IValue(bool value) : payload_(value ? 1 : 0), tag_(Tag::boolean) {}

    IValue(const IValue& other);
    IValue(IValue&& other) noexcept
        : payload_(std::exchange(other.payload_, 0)), tag_(std::exchange(other.tag_, Tag::none)) {}
    IValue& operator=(IValue other) noexcept;
    ~IValue();

    Tag tag() const { return tag_; }
    bool is_none() const { return tag_ == Tag::none; }
    Tensor tensor() const;  // undefined for none
    int64_t integer() const;
    double real() const;  // of an integer, too
    bool boolean() const;
    std::vector<int64_t> integers() const;
    // The elements of a list, to be changed in place; nullptr if it is no list.
    std::vector<IValue>* elements() const;
    // What an intrusive pointer points to.
    void* target() const { return reinterpret_cast<void*>(static_cast<uintptr_t>(payload_)); }

    c10::Device device() const;
    void set_device(c10::Device device);

  private:
    bool owns() const;

    uint64_t payload_ = 0;
    Tag tag_ = Tag::none;
};

static_assert(sizeof(IValue) == 16 && sizeof(Tensor) == 8);

// Calls an operator through libtorch's dispatcher.
Stack call(const char* name, const char* overload, Stack arguments);
Tensor call_for_tensor(const char* name, const char* overload, Stack arguments);

}  // namespace tio::standin::torch
