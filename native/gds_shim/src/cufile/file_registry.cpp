#include "cufile/file_registry.h"

namespace tio::gds::cufile {

void FileRegistry::open(const EntryPoints& call) {
    const std::lock_guard lock(mutex_);
    call_ = &call;
}

void FileRegistry::close() noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& [file, handle] : handles_) call_->handle_deregister(handle);
    handles_.clear();
    call_ = nullptr;
}

Error FileRegistry::handle_of(File& file, Handle& handle) {
    const std::lock_guard lock(mutex_);
    const auto [found, is_new] = handles_.try_emplace(&file, nullptr);
    if (is_new) {
        Descriptor descriptor{};
        descriptor.type = handle_type_fd;
        descriptor.handle.fd = file.fd();
        if (const Error error = call_->handle_register(&found->second, &descriptor); error.code != success) {
            handles_.erase(found);
            return error;
        }
        file.set_close_listener(this);
    }
    handle = found->second;
    return Error{success, 0};
}

void FileRegistry::closing(File& file) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = handles_.find(&file);
    if (found == handles_.end()) return;
    call_->handle_deregister(found->second);
    handles_.erase(found);
}

uint32_t FileRegistry::registered_files() const {
    const std::lock_guard lock(mutex_);
    return static_cast<uint32_t>(handles_.size());
}

}  // namespace tio::gds::cufile
