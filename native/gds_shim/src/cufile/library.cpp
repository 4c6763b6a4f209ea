#include "cufile/library.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "cufile/errors.h"
#include "failure.h"

namespace tio::gds::cufile {

namespace {

namespace fs = std::filesystem;

constexpr const char* library_name = "libcufile.so.0";
constexpr const char* path_variable = "TERAIO_CUFILE_PATH";
constexpr int version_before_get_version = 1070;

// RTLD_NODELETE: libcufile has threads of its own, which would run on in unmapped code after a dlclose.
void* try_open(const std::string& name, std::string& refusals) {
    void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) {
        const char* reason = dlerror();
        refusals += refusals.empty() ? "" : "; ";
        refusals += reason != nullptr ? reason : name.c_str();
    }
    return handle;
}

// Subfolders of `parent` whose name begins with `prefix`, the last by name first: the newest toolkit.
std::vector<fs::path> folders_named(const fs::path& parent, const std::string& prefix) {
    std::vector<fs::path> found;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(parent, ignored))
        if (entry.path().filename().string().compare(0, prefix.size(), prefix) == 0)
            found.push_back(entry.path());
    std::sort(found.rbegin(), found.rend());
    return found;
}

std::string path_of(void* handle) {
    link_map* map = nullptr;
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0 || map == nullptr) return library_name;
    return map->l_name;
}

template <typename Function>
void bind(void* handle, const char* symbol, Function*& function) {
    function = reinterpret_cast<Function*>(dlsym(handle, symbol));
}

uint32_t capabilities_of(const EntryPoints& call, bool has_vector_io) {
    uint32_t mask = 0;
    const auto add = [&mask](uint32_t bit, bool there) { mask |= there ? bit : 0; };
    add(TIO_CUFILE_CAN_BATCH, call.batch_set_up && call.batch_submit && call.batch_get_status &&
                                  call.batch_cancel && call.batch_destroy);
    add(TIO_CUFILE_CAN_STREAM,
        call.stream_register && call.stream_deregister && call.read_async && call.write_async);
    add(TIO_CUFILE_CAN_SET_PARAMETERS,
        call.set_parameter_size && call.set_parameter_bool && call.set_parameter_string);
    add(TIO_CUFILE_CAN_STATISTICS,
        call.set_statistics_level && call.statistics_start && call.statistics_stop && call.get_statistics_l3);
    add(TIO_CUFILE_CAN_P2P_FLAGS, call.get_p2p_flags != nullptr);
    add(TIO_CUFILE_CAN_VECTOR, has_vector_io);
    return mask;
}

}  // namespace

Library::Library(void* handle) : path_(path_of(handle)) {
    std::string missing;
#define TIO_CUFILE_BIND(member, symbol, result, arguments) bind(handle, #symbol, entry_points_.member);
#define TIO_CUFILE_REQUIRE(member, symbol, result, arguments) \
    if (entry_points_.member == nullptr) missing += " " #symbol;
    TIO_CUFILE_REQUIRED(TIO_CUFILE_BIND)
    TIO_CUFILE_OPTIONAL(TIO_CUFILE_BIND)
    TIO_CUFILE_REQUIRED(TIO_CUFILE_REQUIRE)
#undef TIO_CUFILE_REQUIRE
#undef TIO_CUFILE_BIND
    // The header's cuFileDriverClose is a macro for the _v2 entry point; old releases have the plain one
    // only.
    bind(handle, "cuFileDriverClose_v2", entry_points_.driver_close);
    if (entry_points_.driver_close == nullptr) bind(handle, "cuFileDriverClose", entry_points_.driver_close);
    if (entry_points_.driver_close == nullptr) missing += " cuFileDriverClose";
    if (!missing.empty())
        throw Failure(TIO_E_UNSUPPORTED, path_ + " is no usable libcufile: it lacks" + missing +
                                             "; install libcufile of CUDA 12.2 or newer");

    version_ = version_before_get_version;
    if (entry_points_.get_version != nullptr)
        require_success("cuFileGetVersion", entry_points_.get_version(&version_));
    has_vector_io_ = dlsym(handle, "cuFileReadv") != nullptr;
    capabilities_ = capabilities_of(entry_points_, has_vector_io_);
}

std::string Library::version_text() const {
    return std::to_string(version_ / 1000) + "." + std::to_string(version_ % 1000 / 10);
}

std::vector<std::string> library_folders(const std::vector<std::string>& search_roots,
                                         const std::string& toolkits) {
    std::vector<std::string> folders;
    for (const fs::path& toolkit : folders_named(toolkits, "cuda")) {
        folders.push_back((toolkit / "lib64").string());
        folders.push_back((toolkit / "targets/x86_64-linux/lib").string());
        folders.push_back((toolkit / "targets/sbsa-linux/lib").string());
    }
    for (const std::string& root : search_roots) {
        folders.push_back(root);
        // CUDA 13's wheels share one folder (nvidia/cu13/lib), those of CUDA 12 have one each.
        for (const fs::path& toolkit : folders_named(fs::path(root) / "nvidia", "cu"))
            folders.push_back((toolkit / "lib").string());
    }
    return folders;
}

Library Library::open(const std::vector<std::string>& search_roots) {
    std::string refusals;
    if (const char* named = std::getenv(path_variable); named != nullptr && *named != '\0') {
        void* handle = try_open(named, refusals);
        if (handle != nullptr) return Library(handle);
        throw Failure(TIO_E_UNSUPPORTED,
                      std::string("libcufile named by ") + path_variable + " does not load: " + refusals);
    }
    if (void* handle = try_open(library_name, refusals)) return Library(handle);
    for (const std::string& folder : library_folders(search_roots)) {
        const fs::path file = fs::path(folder) / library_name;
        std::error_code ignored;
        if (!fs::exists(file, ignored)) continue;
        if (void* handle = try_open(file.string(), refusals)) return Library(handle);
    }
    throw Failure(
        TIO_E_UNSUPPORTED,
        "libcufile is not to be had (" + refusals +
            "; nor in /usr/local/cuda*); install libcufile of CUDA 12.2 or newer, or name the file in " +
            path_variable);
}

}  // namespace tio::gds::cufile
