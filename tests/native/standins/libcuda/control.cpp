// The tests' side of the stand-in.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "clock.h"
#include "machine.h"

using namespace tio::standin;

namespace {

using Guard = std::lock_guard<std::mutex>;

size_t copy_text(const std::string& text, char* buffer, size_t capacity) {
    if (buffer != nullptr && capacity > 0) {
        const size_t copied = std::min(text.size(), capacity - 1);
        std::memcpy(buffer, text.data(), copied);
        buffer[copied] = '\0';
    }
    return text.size();
}

// For programs that a test starts and cannot question: what they did wrong shows on their standard error.
[[gnu::destructor]] void say_misuse_at_exit() {
    const Guard lock(machine().mutex);
    if (!machine().misuse.empty())
        std::fprintf(stderr, "the test double of libcuda saw misuse:\n%s", machine().misuse.c_str());
}

}  // namespace

void tio_standin_cuda_reset(void) {
    replace_machine();
}

void tio_standin_cuda_fail_call(const char* function, uint64_t nth, int result) {
    const Guard lock(machine().mutex);
    machine().orders[function] = {nth, result};
}

void tio_standin_cuda_lose_device(int result) {
    const Guard lock(machine().mutex);
    machine().lost = result;
    for (const auto& [handle, stream] : machine().streams) stream->drop_queued();
    if (machine().default_stream != nullptr) machine().default_stream->drop_queued();
    machine().counts.copies_in_flight = 0;
    machine().awaited.clear();
    machine().copies_changed.notify_all();
}

void tio_standin_cuda_set_device_count(int count) {
    const Guard lock(machine().mutex);
    machine().device_count = count;
}

void tio_standin_cuda_spoil_kernel(uint64_t nth) {
    const Guard lock(machine().mutex);
    machine().spoiled_kernel = nth;
}

uint64_t tio_standin_cuda_calls(const char* function) {
    const Guard lock(machine().mutex);
    return machine().calls[function];
}

size_t tio_standin_cuda_journal(char* text, size_t capacity) {
    const Guard lock(machine().mutex);
    return copy_text(machine().journal, text, capacity);
}

size_t tio_standin_cuda_misuse(char* text, size_t capacity) {
    const Guard lock(machine().mutex);
    return copy_text(machine().misuse, text, capacity);
}

void tio_standin_cuda_get_counts(tio_standin_cuda_counts* counts) {
    const Guard lock(machine().mutex);
    *counts = machine().counts;
    counts->device_allocations = machine().device_memory.size();
    counts->streams = machine().streams.size();
    counts->events = machine().events.size();
    counts->modules = machine().modules.size();
    counts->contexts_retained = 0;
    for (const auto& [device, count] : machine().retained) counts->contexts_retained += count;
}

void tio_standin_cuda_hold_copies(int hold) {
    const Guard lock(machine().mutex);
    machine().copies_held = hold != 0;
    machine().copies_changed.notify_all();
}

void tio_standin_cuda_await_copies(uint64_t count) {
    std::unique_lock<std::mutex> lock(machine().mutex);
    machine().copies_changed.wait(lock, [count] { return machine().counts.copies_in_flight >= count; });
}

void* tio_standin_cuda_host_view(uint64_t device_pointer) {
    return reinterpret_cast<void*>(device_pointer & ~device_bit);
}

int tio_standin_cuda_owns(uint64_t device_pointer, size_t bytes) {
    const Guard lock(machine().mutex);
    return machine().is_device(device_pointer, bytes) ? 1 : 0;
}

void tio_standin_cuda_set_clock(double seconds) {
    set_clock(seconds);
}

int tio_standin_cuda_launch(void* stream, void (*body)(void*), void* argument) {
    const Guard lock(machine().mutex);
    const int result = machine().begin_call("launch", "", true);
    if (result != 0) return result;
    Stream* found = machine().find_stream(static_cast<cuda::Stream>(stream));
    if (found == nullptr) return cuda::error_invalid_handle;
    found->enqueue([body, argument] { body(argument); });
    return cuda::success;
}

void tio_standin_cuda_renumber(uint64_t device_pointer) {
    const std::lock_guard<std::mutex> lock(machine().mutex);
    auto found = machine().device_memory.upper_bound(device_pointer);
    if (found == machine().device_memory.begin()) return;
    std::prev(found)->second.id = machine().next_number++;
}
