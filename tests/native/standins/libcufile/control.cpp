// The tests' side of the stand-in.
#include <algorithm>
#include <cstring>
#include <new>

#include "machine.h"

using tio::standin::cufile::Machine;
using tio::standin::cufile::machine;

using Guard = std::lock_guard<std::mutex>;

void tio_standin_cufile_reset(void) {
    Machine* whole = &machine();
    whole->~Machine();
    new (whole) Machine;
}

void tio_standin_cufile_fail_call(const char* function, uint64_t nth, int code, int cuda_error) {
    const Guard guard(machine().mutex);
    machine().orders[function] = Machine::Order{nth, {code, cuda_error}};
}

void tio_standin_cufile_order_transfer(uint64_t nth, int64_t result, int sys_errno) {
    const Guard guard(machine().mutex);
    machine().transfer_orders.push_back({nth, result, sys_errno});
}

void tio_standin_cufile_order_entry(unsigned index, unsigned status, int64_t result) {
    const Guard guard(machine().mutex);
    machine().entry_orders[index] = {status, result};
}

void tio_standin_cufile_limit_poll(unsigned entries) {
    const Guard guard(machine().mutex);
    machine().poll_limit = entries;
}

void tio_standin_cufile_hold(int on) {
    const Guard guard(machine().mutex);
    machine().hold = on != 0;
    machine().changed.notify_all();
}

void tio_standin_cufile_wait_for_transfers(uint64_t count) {
    std::unique_lock lock(machine().mutex);
    machine().changed.wait(lock, [count] { return machine().counts.transfers >= count; });
}

void tio_standin_cufile_set_route(int route) {
    const Guard guard(machine().mutex);
    machine().route = route;
}

void tio_standin_cufile_set_version(int version) {
    const Guard guard(machine().mutex);
    machine().version = version;
}

void tio_standin_cufile_set_nvfs(unsigned major, unsigned status_flags, unsigned feature_flags,
                                 int p2p_flags) {
    const Guard guard(machine().mutex);
    machine().nvfs_major = major;
    machine().status_flags = status_flags;
    machine().feature_flags = feature_flags;
    machine().p2p_flags = p2p_flags;
}

void tio_standin_cufile_set_statistics_gpus(unsigned gpus) {
    const Guard guard(machine().mutex);
    machine().statistics_gpus = gpus;
}

uint64_t tio_standin_cufile_calls(const char* function) {
    const Guard guard(machine().mutex);
    const auto found = machine().calls.find(function);
    return found != machine().calls.end() ? found->second : 0;
}

size_t tio_standin_cufile_misuse(char* text, size_t capacity) {
    const Guard guard(machine().mutex);
    const std::string& misuse = machine().misuse;
    if (text != nullptr && capacity > 0) {
        const size_t copied = std::min(misuse.size(), capacity - 1);
        std::memcpy(text, misuse.data(), copied);
        text[copied] = '\0';
    }
    return misuse.size();
}

void tio_standin_cufile_get_counts(tio_standin_cufile_counts* counts) {
    const Guard guard(machine().mutex);
    *counts = machine().counts;
}

int64_t tio_standin_cufile_parameter(char kind, int parameter) {
    const Guard guard(machine().mutex);
    if (kind == 's') {
        const auto found = machine().sizes.find(parameter);
        return found != machine().sizes.end() ? static_cast<int64_t>(found->second) : -1;
    }
    const auto found = machine().switches.find(parameter);
    return found != machine().switches.end() ? found->second : -1;
}

const char* tio_standin_cufile_log_directory(void) {
    const Guard guard(machine().mutex);
    return machine().log_directory.c_str();
}
