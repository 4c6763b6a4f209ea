#include "cufile/buffer_registry.h"

#include "cufile/errors.h"

namespace tio::gds::cufile {

namespace {

std::string bytes_text(uint64_t bytes) {
    return std::to_string(bytes) + " bytes";
}

}  // namespace

void BufferRegistry::open(const EntryPoints& call, uint64_t budget_bytes) {
    const std::lock_guard lock(mutex_);
    call_ = &call;
    budget_bytes_ = budget_bytes;
}

void BufferRegistry::close() noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& [base, entry] : entries_) call_->buffer_deregister(reinterpret_cast<const void*>(base));
    entries_.clear();
    registered_bytes_ = 0;
    call_ = nullptr;
}

BufferRegistry::Range BufferRegistry::acquire(const std::byte* base, size_t length, uint64_t allocation) {
    const auto first = reinterpret_cast<uintptr_t>(base);
    const std::lock_guard lock(mutex_);
    if (call_ == nullptr) throw Failure(TIO_E_CLOSED, "the cuFile driver is closed");
    auto after = entries_.upper_bound(first);
    if (after != entries_.begin()) {
        const auto before = std::prev(after);
        Entry& entry = before->second;
        if (first < before->first + entry.length) {
            if (entry.allocation != allocation)
                throw Failure(TIO_E_INVALID,
                              "the memory was registered and freed without tio_gds_buffer_unregister; "
                              "unregister it before it is freed");
            if (first + length > before->first + entry.length)
                throw Failure(TIO_E_INVALID, "the range overlaps a registered buffer and ends behind it");
            ++entry.users;
            return {reinterpret_cast<const std::byte*>(before->first), entry.length};
        }
    }
    if (after != entries_.end() && after->first < first + length)
        throw Failure(TIO_E_INVALID, "the range overlaps a registered buffer and begins before it");
    if (length > budget_bytes_ - registered_bytes_)
        throw Failure(TIO_E_NOMEM, "registering " + bytes_text(length) + " would exceed the budget of " +
                                       bytes_text(budget_bytes_) + ", of which " +
                                       bytes_text(registered_bytes_) +
                                       " are used; transfers work without registration");
    auto added = entries_.emplace_hint(after, first, Entry{length, allocation, 1});
    if (const Error error = call_->buffer_register(base, length, 0); error.code != success) {
        entries_.erase(added);
        throw failure_of("cuFileBufRegister of " + bytes_text(length), error);
    }
    registered_bytes_ += length;
    return {base, length};
}

void BufferRegistry::release(const std::byte* base) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(reinterpret_cast<uintptr_t>(base));
    if (found == entries_.end() || --found->second.users != 0) return;
    registered_bytes_ -= found->second.length;
    entries_.erase(found);
    require_success("cuFileBufDeregister", call_->buffer_deregister(base));
}

BufferRegistry::Totals BufferRegistry::totals() const {
    const std::lock_guard lock(mutex_);
    return {registered_bytes_, static_cast<uint32_t>(entries_.size())};
}

}  // namespace tio::gds::cufile
