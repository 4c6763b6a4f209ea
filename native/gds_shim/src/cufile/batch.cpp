#include "cufile/batch.h"

#include <algorithm>
#include <cerrno>

#include "cufile/errors.h"

namespace tio::gds::cufile {

namespace {

bool has_ended(const BatchEvent& event) noexcept {
    return (event.status &
            (batch_invalid | batch_canceled | batch_complete | batch_timeout | batch_failed)) != 0;
}

}  // namespace

Batch::Batch(const Library& library, const DriverProperties& properties, unsigned entries,
             bool may_be_compatibility)
    : library_(library), capacity_(entries) {
    if ((library.capabilities() & TIO_CUFILE_CAN_BATCH) == 0)
        throw Failure(TIO_E_UNSUPPORTED, "libcufile " + library.version_text() +
                                             " has no batches; they came with 1.7 (CUDA 12.2)");
    unsigned most = properties.max_batch_entries;
    if (may_be_compatibility) most = std::min(most, most_entries_in_compatibility_mode);
    if (entries == 0 || entries > most)
        throw Failure(TIO_E_INVALID, "a batch of " + std::to_string(entries) + " entries; from 1 to " +
                                         std::to_string(most) + " are allowed");
    require_success("cuFileBatchIOSetUp", library_.call().batch_set_up(&handle_, entries));
}

Batch::~Batch() {
    library_.call().batch_destroy(handle_);
}

void Batch::submit(const std::vector<BatchRequest>& requests) {
    if (!entries_.empty()) throw Failure(TIO_E_INVALID, "the batch was submitted before");
    if (requests.empty() || requests.size() > capacity_)
        throw Failure(TIO_E_INVALID, std::to_string(requests.size()) + " requests for a batch of " +
                                         std::to_string(capacity_));
    std::vector<BatchEntry> entries(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
        const BatchRequest& request = requests[i];
        entries[i] = BatchEntry{batch_mode,
                                request.memory_base,
                                request.file_offset,
                                request.memory_offset,
                                request.bytes,
                                request.file,
                                request.is_write ? opcode_write : opcode_read,
                                &entries[i]};
    }
    const auto count = static_cast<unsigned>(entries.size());
    require_success("cuFileBatchIOSubmit", library_.call().batch_submit(handle_, count, entries.data(), 0));
    entries_.swap(entries);  // keeps the addresses, which are the cookies
    unfinished_ = count;
}

std::vector<BatchResult> Batch::collect(unsigned least, std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    std::vector<BatchResult> results;
    std::vector<BatchEvent> events(capacity_);
    least = std::min(least, unfinished_);
    do {
        const auto left =
            std::max(deadline - std::chrono::steady_clock::now(), std::chrono::steady_clock::duration{});
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
        timespec wait{};
        wait.tv_sec = static_cast<time_t>(seconds.count());
        wait.tv_nsec = static_cast<long>(std::chrono::nanoseconds(left - seconds).count());
        auto count = static_cast<unsigned>(events.size());
        const auto wanted = static_cast<unsigned>(least - std::min<size_t>(least, results.size()));
        require_success("cuFileBatchIOGetStatus",
                        library_.call().batch_get_status(handle_, wanted, &count, events.data(), &wait));
        for (unsigned i = 0; i < std::min<size_t>(count, events.size()); ++i) {
            if (!has_ended(events[i])) continue;
            results.push_back(result_of(events[i]));
            --unfinished_;
        }
        // It may return early with fewer than were asked for.
    } while (results.size() < least && std::chrono::steady_clock::now() < deadline);
    return results;
}

void Batch::cancel() {
    require_success("cuFileBatchIOCancel", library_.call().batch_cancel(handle_));
}

BatchResult Batch::result_of(const BatchEvent& event) const noexcept {
    BatchResult result;
    result.index = static_cast<size_t>(static_cast<const BatchEntry*>(event.cookie) - entries_.data());
    if ((event.status & batch_complete) != 0 && event.result >= 0) {
        result.bytes = static_cast<uint64_t>(event.result);
    } else if ((event.status & batch_canceled) != 0) {
        result.code = ECANCELED;
    } else if ((event.status & batch_timeout) != 0) {
        result.code = ETIMEDOUT;
    } else if ((event.status & batch_invalid) != 0) {
        result.code = EINVAL;
    } else {
        // `result` is only sure to mean something when the entry is complete.
        result.code = event.result < 0 ? code_of_result(event.result, 0) : EIO;
    }
    return result;
}

}  // namespace tio::gds::cufile
