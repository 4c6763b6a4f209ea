// Sequential write or read of one file through the C ABI; prints one JSON line. Compare with
//   fio --ioengine=io_uring --direct=1 --bs=1M --iodepth=16 --size=2G --rw=read|write
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tio_gds.h"

namespace {

struct Settings {
    std::string path;
    bool write = false;
    bool registered = false;
    uint32_t backend = TIO_BACKEND_AUTO;
    uint64_t size_bytes = uint64_t{2} << 30;
    uint64_t request_bytes = 0;  // 0: one block
    uint32_t block_bytes = 1u << 20;
    uint32_t queue_depth = 16;
};

[[noreturn]] void stop(const std::string& message) {
    std::fprintf(stderr, "tio_gds_bench: %s\n", message.c_str());
    std::exit(1);
}

void check(tio_status status) {
    if (status == TIO_OK) return;
    char text[512] = "";
    tio_gds_last_error(text, sizeof(text));
    stop(std::string(tio_gds_status_name(status)) + ": " + text);
}

Settings parse(int argc, char** argv) {
    constexpr const char* usage =
        "usage: tio_gds_bench FILE read|write [--size BYTES] [--block BYTES] [--request BYTES] [--depth N] "
        "[--backend auto|uring|threads] [--registered]";
    if (argc < 3) stop(usage);
    Settings settings;
    settings.path = argv[1];
    settings.write = std::strcmp(argv[2], "write") == 0;
    if (!settings.write && std::strcmp(argv[2], "read") != 0) stop(usage);
    for (int i = 3; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--registered") {
            settings.registered = true;
            continue;
        }
        if (i + 1 == argc) stop(usage);
        const std::string value = argv[++i];
        if (name == "--size") {
            settings.size_bytes = std::stoull(value);
        } else if (name == "--block") {
            settings.block_bytes = static_cast<uint32_t>(std::stoul(value));
        } else if (name == "--request") {
            settings.request_bytes = std::stoull(value);
        } else if (name == "--depth") {
            settings.queue_depth = static_cast<uint32_t>(std::stoul(value));
        } else if (name == "--backend") {
            settings.backend = value == "uring"     ? TIO_BACKEND_URING
                               : value == "threads" ? TIO_BACKEND_THREADS
                                                    : TIO_BACKEND_AUTO;
        } else {
            stop(usage);
        }
    }
    if (settings.request_bytes == 0) settings.request_bytes = settings.block_bytes;
    if (settings.size_bytes % settings.request_bytes != 0)
        stop("--size must be a multiple of the request size");
    return settings;
}

tio_gds_file* open_file(const Settings& settings) {
    tio_gds_file* file = nullptr;
    if (settings.write &&
        tio_gds_file_open(settings.path.c_str(), TIO_FILE_CREATE | TIO_FILE_DIRECT, &file) == TIO_OK)
        return file;
    check(tio_gds_file_open(settings.path.c_str(), TIO_FILE_DIRECT, &file));
    return file;
}

// Keeps the queue depth full with as few requests outstanding as that takes, plus one refill.
double transfer_seconds(const Settings& settings, tio_gds_queue* queue, tio_gds_file* file, char* memory,
                        uint32_t outstanding, uint32_t buffer_index) {
    const uint64_t total = settings.size_bytes / settings.request_bytes;
    uint64_t submitted = 0;
    uint64_t completed = 0;
    const auto submit = [&](uint64_t slot) {
        tio_gds_request request{};
        request.struct_size = sizeof(request);
        request.op = settings.write ? TIO_OP_WRITE : TIO_OP_READ;
        request.buffer_index = buffer_index;
        request.file = file;
        request.memory = memory + slot * settings.request_bytes;
        request.offset = submitted * settings.request_bytes;
        request.length = settings.request_bytes;
        request.token = slot;
        uint32_t accepted = 0;
        check(tio_gds_submit(queue, &request, 1, &accepted));
        ++submitted;
    };
    std::vector<tio_gds_completion> completions(outstanding);
    const auto start = std::chrono::steady_clock::now();
    for (uint64_t slot = 0; slot < outstanding && submitted < total; ++slot) submit(slot);
    while (completed < total) {
        uint32_t count = 0;
        check(tio_gds_wait(queue, completions.data(), outstanding, -1, &count));
        for (uint32_t i = 0; i < count; ++i) {
            if (completions[i].status != TIO_OK)
                stop(std::string("a transfer failed: ") + tio_gds_status_name(completions[i].status) +
                     ", errno " + std::to_string(completions[i].sys_errno));
            ++completed;
            if (submitted < total) submit(completions[i].token);
        }
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
    const Settings settings = parse(argc, argv);
    tio_gds_queue_options options{};
    options.struct_size = sizeof(options);
    options.backend = settings.backend;
    options.queue_depth = settings.queue_depth;
    options.chunk_bytes = settings.block_bytes;
    tio_gds_queue* queue = nullptr;
    check(tio_gds_queue_create(&options, &queue));
    tio_gds_file* file = open_file(settings);
    if (settings.write) check(tio_gds_file_allocate(file, settings.size_bytes));

    const uint64_t in_depth = settings.queue_depth * uint64_t{settings.block_bytes} / settings.request_bytes;
    const auto outstanding = static_cast<uint32_t>(in_depth + (in_depth < 4 ? 2 : in_depth / 2));
    const size_t memory_bytes = outstanding * settings.request_bytes;
    auto* memory = static_cast<char*>(std::aligned_alloc(65536, (memory_bytes + 65535) / 65536 * 65536));
    if (memory == nullptr) stop("out of memory");
    std::memset(memory, 0x5A, memory_bytes);
    uint32_t buffer_index = TIO_NO_BUFFER;
    if (settings.registered)
        check(tio_gds_buffer_register(queue, memory, memory_bytes, TIO_MEMORY_HOST, &buffer_index));

    const double seconds = transfer_seconds(settings, queue, file, memory, outstanding, buffer_index);

    uint32_t backend = 0;
    tio_gds_file_info info{};
    info.struct_size = sizeof(info);
    check(tio_gds_queue_backend(queue, &backend));
    check(tio_gds_file_get_info(file, &info));
    std::printf(
        "{\"op\":\"%s\",\"backend\":\"%s\",\"direct\":%s,\"registered\":%s,\"size_bytes\":%llu,\"block_"
        "bytes\":%u,"
        "\"request_bytes\":%llu,\"queue_depth\":%u,\"seconds\":%.4f,\"mib_per_second\":%.1f}\n",
        settings.write ? "write" : "read", backend == TIO_BACKEND_URING ? "uring" : "threads",
        info.direct != 0 ? "true" : "false", settings.registered ? "true" : "false",
        static_cast<unsigned long long>(settings.size_bytes), settings.block_bytes,
        static_cast<unsigned long long>(settings.request_bytes), settings.queue_depth, seconds,
        static_cast<double>(settings.size_bytes) / (1024.0 * 1024.0) / seconds);
    check(tio_gds_queue_destroy(queue));
    check(tio_gds_file_close(file));
    std::free(memory);
    return 0;
}
