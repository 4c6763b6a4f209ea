// Synchronous, batched and stream-ordered transfers of the stand-in.
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "machine.h"
#include "standin_cuda.h"

extern "C" int cuLaunchHostFunc(void* stream, void (*function)(void*), void* argument);

namespace tio::standin::cufile {

namespace {

constexpr CUfileError_t ok{0, 0};
constexpr int64_t block = 4096;

constexpr int complete = 0x10;
constexpr int canceled = 0x08;
constexpr int failed = 0x40;

std::byte* host_address(const Transfer& transfer) {
    const auto device =
        reinterpret_cast<uint64_t>(transfer.base) + static_cast<uint64_t>(transfer.memory_offset);
    return static_cast<std::byte*>(tio_standin_cuda_host_view(device));
}

struct AsyncTransfer {
    bool is_write;
    void* handle;
    void* base;
    size_t* bytes;
    off_t* file_offset;
    off_t* memory_offset;
    ssize_t* done;
};

// As the real one does: the cells are read when the stream comes to it, not when the call was made.
void run_async(void* argument) {
    const std::unique_ptr<AsyncTransfer> async(static_cast<AsyncTransfer*>(argument));
    *async->done = machine().transfer(Transfer{async->is_write, async->handle, async->base, *async->bytes,
                                               *async->file_offset, *async->memory_offset},
                                      false);
}

}  // namespace

bool Machine::check_memory(const Transfer& transfer) {
    const auto base = reinterpret_cast<uintptr_t>(transfer.base);
    const auto first = base + static_cast<uintptr_t>(transfer.memory_offset);
    if (tio_standin_cuda_owns(first, transfer.bytes) == 0) return false;
    for (const auto& [registered, length] : buffers_) {
        if (first < registered || first >= registered + length) continue;
        if (base != registered)
            report("a transfer names an address inside a registered buffer instead of the buffer's base");
        else
            ++counts.registered_transfers;
    }
    return true;
}

void Machine::count(const Transfer& transfer, int64_t result) {
    if (!statistics_on_) return;
    const auto bytes = static_cast<uint64_t>(std::max<int64_t>(result, 0));
    CUfileOpCounter_t& ops = transfer.is_write ? totals_.write_ops : totals_.read_ops;
    (result >= 0 ? ops.ok : ops.err) += 1;
    (transfer.is_write ? totals_.write_bytes : totals_.read_bytes) += bytes;
    uint64_t* const routes[2][3] = {{&gpu_.n_p2p_reads, &gpu_.n_nvfs_reads, &gpu_.n_posix_reads},
                                    {&gpu_.n_p2p_writes, &gpu_.n_nvfs_writes, &gpu_.n_posix_writes}};
    if (result >= 0) ++*routes[transfer.is_write ? 1 : 0][route];
}

int64_t Machine::move(const File& file, const Transfer& transfer, size_t most_bytes) {
    std::byte* memory = host_address(transfer);
    size_t moved = 0;
    while (moved < most_bytes) {
        const off_t offset = transfer.file_offset + static_cast<off_t>(moved);
        const ssize_t result = transfer.is_write
                                   ? ::pwrite(file.buffered_fd, memory + moved, most_bytes - moved, offset)
                                   : ::pread(file.buffered_fd, memory + moved, most_bytes - moved, offset);
        if (result < 0) return -1;
        if (result == 0) break;
        moved += static_cast<size_t>(result);
    }
    return static_cast<int64_t>(moved);
}

ssize_t Machine::transfer(const Transfer& transfer, bool needs_context) {
    const char* function = transfer.is_write ? "cuFileWrite" : "cuFileRead";
    std::unique_lock lock(mutex);
    if (const CUfileError_t ordered = begin(function); ordered.err != 0) return -ordered.err;
    if (needs_context) require_context(function);
    File* file = find(transfer.handle);
    if (file == nullptr) {
        report(std::string(function) + ": the handle is not registered");
        return -5027;
    }
    if (!check_memory(transfer)) return -5012;
    ++counts.transfers;
    const auto bytes = static_cast<int64_t>(transfer.bytes);
    const auto base = static_cast<int64_t>(reinterpret_cast<uintptr_t>(transfer.base) % block);
    if (base != 0 || bytes % block != 0 || transfer.file_offset % block != 0 ||
        transfer.memory_offset % block != 0)
        ++counts.unaligned_transfers;

    TransferOrder order{0, bytes, 0};
    for (TransferOrder& waiting : transfer_orders)
        if (--waiting.nth == 0) order = waiting;
    std::erase_if(transfer_orders, [](const TransferOrder& waiting) { return waiting.nth == 0; });

    ++file->in_flight;
    changed.notify_all();
    changed.wait(lock, [this] { return !hold; });
    int64_t result = order.result;
    int sys_errno = order.sys_errno;
    if (result >= 0) {
        lock.unlock();
        result = move(*file, transfer, static_cast<size_t>(std::min(result, bytes)));
        sys_errno = errno;
        lock.lock();
    }
    --file->in_flight;
    count(transfer, result);
    errno = result < 0 ? sys_errno : 0;
    return static_cast<ssize_t>(result);
}

CUfileError_t Machine::transfer_async(const char* function, bool is_write, void* handle, void* base,
                                      size_t* bytes, off_t* file_offset, off_t* memory_offset, ssize_t* done,
                                      void* stream) {
    {
        const std::lock_guard lock(mutex);
        if (const CUfileError_t ordered = begin(function); ordered.err != 0) return ordered;
        require_context(function);
        if (*done != 0) report(std::string(function) + ": the cell for the result is not 0 beforehand");
    }
    auto async = std::make_unique<AsyncTransfer>(
        AsyncTransfer{is_write, handle, base, bytes, file_offset, memory_offset, done});
    if (const int result = cuLaunchHostFunc(stream, run_async, async.get()); result != 0)
        return {5011, result};
    static_cast<void>(async.release());
    return ok;
}

CUfileError_t Machine::batch_set_up(void** batch, unsigned entries) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileBatchIOSetUp"); ordered.err != 0) return ordered;
    if (entries == 0 || entries > 128) return {5022, 0};
    auto made = std::make_unique<Batch>(Batch{entries, {}});
    *batch = made.get();
    batches_[*batch] = std::move(made);
    counts.batches = batches_.size();
    return ok;
}

CUfileError_t Machine::batch_submit(void* batch, unsigned entry_count, CUfileIOParams_t* entries,
                                    unsigned flags) {
    Batch* found = nullptr;
    {
        const std::lock_guard lock(mutex);
        if (const CUfileError_t ordered = begin("cuFileBatchIOSubmit"); ordered.err != 0) return ordered;
        require_context("cuFileBatchIOSubmit");
        if (flags != 0) report("cuFileBatchIOSubmit: flags are not 0");
        const auto position = batches_.find(batch);
        if (position == batches_.end()) return {5022, 0};
        found = position->second.get();
        if (found->ended.size() + entry_count > found->capacity) return {5037, 0};
    }
    for (unsigned i = 0; i < entry_count; ++i) {
        const CUfileIOParams_t& entry = entries[i];
        CUfileIOEvents_t event{entry.cookie, complete, 0};
        bool moves = true;
        {
            const std::lock_guard lock(mutex);
            if (entry.mode != 1) report("cuFileBatchIOSubmit: mode is not CUFILE_BATCH");
            const auto order = entry_orders.find(i);
            if (order != entry_orders.end()) {
                event.status = static_cast<int>(order->second.status);
                event.ret = static_cast<size_t>(order->second.result);
                moves = false;
            }
        }
        if (moves) {
            const auto& io = entry.u.batch;
            const ssize_t result = transfer(Transfer{entry.opcode == 1, entry.fh, io.devPtr_base, io.size,
                                                     io.file_offset, io.devPtr_offset},
                                            true);
            event.status = result >= 0 ? complete : failed;
            event.ret = static_cast<size_t>(result);
        }
        const std::lock_guard lock(mutex);
        found->ended.push_back(event);
    }
    return ok;
}

CUfileError_t Machine::batch_get_status(void* batch, unsigned, unsigned* count_inout,
                                        CUfileIOEvents_t* events) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileBatchIOGetStatus"); ordered.err != 0) return ordered;
    const auto position = batches_.find(batch);
    if (position == batches_.end()) return {5022, 0};
    std::vector<CUfileIOEvents_t>& ended = position->second->ended;
    const unsigned most = poll_limit != 0 ? std::min(poll_limit, *count_inout) : *count_inout;
    unsigned reported = 0;
    for (; reported < most && !ended.empty(); ++reported) {
        events[reported] = ended.back();
        ended.pop_back();
    }
    *count_inout = reported;
    return ok;
}

CUfileError_t Machine::batch_cancel(void* batch) {
    const std::lock_guard lock(mutex);
    if (const CUfileError_t ordered = begin("cuFileBatchIOCancel"); ordered.err != 0) return ordered;
    const auto position = batches_.find(batch);
    if (position == batches_.end()) return {5022, 0};
    for (CUfileIOEvents_t& event : position->second->ended) event.status = canceled;
    return ok;
}

void Machine::batch_destroy(void* batch) {
    const std::lock_guard lock(mutex);
    begin("cuFileBatchIODestroy");
    if (batches_.erase(batch) == 0) report("cuFileBatchIODestroy: the batch is not set up");
    counts.batches = batches_.size();
}

}  // namespace tio::standin::cufile
