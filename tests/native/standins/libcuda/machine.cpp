#include "machine.h"

#include <algorithm>

#include "clock.h"

namespace tio::standin {

namespace {

std::unique_ptr<Machine>& place() {
    static auto* machine = new std::unique_ptr<Machine>(std::make_unique<Machine>());
    return *machine;
}

}  // namespace

Machine& machine() {
    return *place();
}

void replace_machine() {
    Machine& old = machine();
    {
        const std::lock_guard<std::mutex> lock(old.mutex);
        old.copies_held = false;
    }
    old.copies_changed.notify_all();
    // Streams first: their work looks at the machine.
    old.streams.clear();
    old.default_stream.reset();
    place() = std::make_unique<Machine>();
    current_context() = nullptr;
    let_clock_run();
}

cuda::Context& current_context() {
    thread_local cuda::Context context = nullptr;
    return context;
}

int Machine::begin_call(const char* function, const std::string& about, bool needs_device) {
    ++calls[function];
    journal += function + (about.empty() ? "" : " " + about) + "\n";
    const auto order = orders.find(function);
    if (order != orders.end() && --order->second.nth == 0) {
        const int result = order->second.result;
        orders.erase(order);
        return result;
    }
    if (!needs_device) return cuda::success;
    if (!initialized) return cuda::error_not_initialized;
    return lost;
}

bool Machine::has_current_context(const char* function) {
    const cuda::Context context = current_context();
    for (const auto& [device, count] : retained)
        if (count > 0 && context == context_of(device)) return true;
    report(std::string(function) + " without a current context");
    return false;
}

Stream* Machine::find_stream(cuda::Stream stream) {
    if (stream == nullptr) {
        if (default_stream == nullptr) default_stream = std::make_unique<Stream>(0);
        return default_stream.get();
    }
    const auto found = streams.find(stream);
    return found != streams.end() ? found->second.get() : nullptr;
}

bool Machine::is_pinned(const void* memory, size_t bytes) const {
    const auto address = reinterpret_cast<uintptr_t>(memory);
    auto after = pinned.upper_bound(address);
    if (after == pinned.begin()) return false;
    const auto& [base, length] = *--after;
    return address - base <= length && bytes <= length - (address - base);
}

bool Machine::is_device(uint64_t pointer, size_t bytes) const {
    auto after = device_memory.upper_bound(pointer);
    if (after == device_memory.begin()) return false;
    const auto& [base, allocation] = *--after;
    return pointer - base <= allocation.length && bytes <= allocation.length - (pointer - base);
}

bool Machine::is_awaited(uintptr_t begin, size_t bytes) const {
    const auto found = awaited.lower_bound(begin);
    return found != awaited.end() && found->first - begin < bytes;
}

void Machine::pin(void* memory, size_t bytes) {
    pinned[reinterpret_cast<uintptr_t>(memory)] = bytes;
    ++counts.pinned_ranges;
    counts.pinned_bytes += bytes;
    counts.most_pinned_bytes = std::max(counts.most_pinned_bytes, counts.pinned_bytes);
}

bool Machine::unpin(void* memory) {
    const auto found = pinned.find(reinterpret_cast<uintptr_t>(memory));
    if (found == pinned.end()) return false;
    if (is_awaited(found->first, found->second))
        report("pinned memory is let go while a stream waits for a word in it");
    --counts.pinned_ranges;
    counts.pinned_bytes -= found->second;
    pinned.erase(found);
    return true;
}

}  // namespace tio::standin
