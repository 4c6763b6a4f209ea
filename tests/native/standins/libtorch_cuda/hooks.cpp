#include "hooks.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <stdexcept>

#include "caching_allocator.h"
#include "gpu.h"
#include "torch_abi.h"

namespace tio::standin::torch {

namespace {

// Places in the vtable of at::CUDAHooksInterface (libtorch 2.10), counted from its first function.
enum Place : size_t {
    is_built = 2,
    is_available = 3,
    has_primary_context = 4,
    init = 5,
    device_count = 6,
    set_current_device = 7,
    get_current_device = 8,
    exchange_device = 9,
    maybe_exchange_device = 10,
    get_device_from_ptr = 13,
    get_default_generator = 14,
    has_cuda = 16,
    current_device = 26,
    get_device_allocator = 27,
    get_number_of_gpus = 45,
    device_synchronize = 46,
    place_count = 47,
};

// In front of the functions: offset to top, type information.
constexpr size_t header = 2;

using Hooks = const void*;

bool yes(Hooks) {
    return true;
}
bool yes_for_device(Hooks, int8_t) {
    return true;
}
void nothing(Hooks) {}
void nothing_for_device(Hooks, int8_t) {}
int8_t one(Hooks) {
    return 1;
}
int8_t device_zero(Hooks) {
    return 0;
}
int8_t always_device_zero(Hooks, int8_t) {
    return 0;
}
int number_of_gpus(Hooks) {
    return 1;
}
c10::Device device_of(Hooks, void*) {
    return {c10::DeviceType::CUDA, 0};
}
// The CPU's: the same random numbers come out of "kernels" that run on the CPU, and one seed serves both.
const void* generator(Hooks, int8_t) {
    return default_cpu_generator();
}
c10::Allocator* allocator(Hooks) {
    return &current_allocator();
}
void synchronize(Hooks, int8_t) {
    const KernelTurn turn;
}

template <typename Function>
void* address(Function* function) {
    return reinterpret_cast<void*>(function);
}

}  // namespace

void install_hooks() {
    // A CPU libtorch makes its hooks once and keeps them; it may have done so long ago. So the object stays,
    // and gets another vtable: a copy of its own with some places exchanged.
    static std::array<void*, header + place_count> table;
    auto* object = static_cast<void**>(cuda_hooks());
    void** original = static_cast<void**>(*object) - header;
    std::copy_n(original, table.size(), table.begin());
    const auto set = [](Place place, void* function) { table[header + place] = function; };
    set(is_built, address(&yes));
    set(is_available, address(&yes));
    set(has_primary_context, address(&yes_for_device));
    set(init, address(&nothing));
    set(device_count, address(&one));
    set(set_current_device, address(&nothing_for_device));
    set(get_current_device, address(&device_zero));
    set(exchange_device, address(&always_device_zero));
    set(maybe_exchange_device, address(&always_device_zero));
    set(get_device_from_ptr, address(&device_of));
    set(get_default_generator, address(&generator));
    set(has_cuda, address(&yes));
    set(current_device, address(&device_zero));
    set(get_device_allocator, address(&allocator));
    set(get_number_of_gpus, address(&number_of_gpus));
    set(device_synchronize, address(&synchronize));
    *object = table.data() + header;
}

}  // namespace tio::standin::torch
