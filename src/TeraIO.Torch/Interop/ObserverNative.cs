using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using TeraIO.Core;
using TeraIO.Core.Interop;

namespace TeraIO.Torch.Interop;

/// <summary>native/torch_observer.</summary>
internal static unsafe partial class ObserverNative
{
    private const string Library = "tio_torch_observer";
    private const uint AbiVersion = 3;

    private static readonly Lock _loading = new();
    private static bool _loaded;

    /// <summary>Finds the library and checks that it is of this version; once per process. To be called before any other member.</summary>
    /// <exception cref="ConfigurationException">It is missing or of another version.</exception>
    public static void Load()
    {
        lock (_loading)
        {
            if (_loaded) return;
            nint library = NativeLibraryLocator.Resolve(Library);
            NativeLibrary.SetDllImportResolver(typeof(ObserverNative).Assembly, (name, _, _) => name == Library ? library : 0);
            CheckAbi();
            _loaded = true;
        }
    }

    [LibraryImport(Library, EntryPoint = "tio_obs_attach")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int Attach(ObserverOptions* options, ObserverHandlers* handlers);

    [LibraryImport(Library, EntryPoint = "tio_obs_detach")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int Detach();

    [LibraryImport(Library, EntryPoint = "tio_obs_set_limit")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int SetLimit(ulong limitBytes);

    [LibraryImport(Library, EntryPoint = "tio_obs_get_statistics")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial void GetStatistics(ObserverStatistics* statistics);

    [LibraryImport(Library, EntryPoint = "tio_obs_live_bytes")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl), typeof(CallConvSuppressGCTransition)])]
    public static partial ulong LiveBytes();

    [LibraryImport(Library, EntryPoint = "tio_obs_data")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl), typeof(CallConvSuppressGCTransition)])]
    public static partial nint Data(nint storage);

    [LibraryImport(Library, EntryPoint = "tio_obs_reset_peak")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial void ResetPeak();

    [LibraryImport(Library, EntryPoint = "tio_obs_inspect")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int Inspect(nint tensorHandle, ObserverOperand* operand);

    [LibraryImport(Library, EntryPoint = "tio_obs_release")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int Release(nint storage, nint* tombstone);

    [LibraryImport(Library, EntryPoint = "tio_obs_restore")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int Restore(nint storage, nint* data);

    [LibraryImport(Library, EntryPoint = "tio_obs_open")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int Open(nint storage);

    [LibraryImport(Library, EntryPoint = "tio_obs_close")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int Close(nint storage);

    [LibraryImport(Library, EntryPoint = "tio_obs_free_kept")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial void FreeKept(nint data);

    /// <summary>The CUstream that is current for the calling thread on the session's device; 0 is one, too.</summary>
    [LibraryImport(Library, EntryPoint = "tio_obs_current_stream")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    public static partial int CurrentStream(out nint stream);

    /// <summary>Text of the calling thread's last failure.</summary>
    public static string LastError()
    {
        Span<byte> buffer = stackalloc byte[1024];
        fixed (byte* start = buffer)
        {
            int length = (int)Math.Min(LastErrorText(start, (nuint)buffer.Length), (nuint)(buffer.Length - 1));
            return Encoding.UTF8.GetString(start, length);
        }
    }

    [LibraryImport(Library, EntryPoint = "tio_obs_last_error")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    private static partial nuint LastErrorText(byte* buffer, nuint capacity);

    [LibraryImport(Library, EntryPoint = "tio_obs_abi_version")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    private static partial uint GetAbiVersion();

    [LibraryImport(Library, EntryPoint = "tio_obs_struct_sizes")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvCdecl)])]
    private static partial void GetStructSizes(uint* sizes);

    private static void CheckAbi()
    {
        uint* sizes = stackalloc uint[6];
        GetStructSizes(sizes);
        ReadOnlySpan<uint> ours =
        [
            (uint)sizeof(ObserverTraits), (uint)sizeof(ObserverOperand), (uint)sizeof(ObserverEvent),
            (uint)sizeof(ObserverHandlers), (uint)sizeof(ObserverOptions), (uint)sizeof(ObserverStatistics),
        ];
        if (GetAbiVersion() != AbiVersion || !ours.SequenceEqual(new ReadOnlySpan<uint>(sizes, 6)))
        {
            throw new ConfigurationException(
                $"lib{Library}.so is of another version than TeraIO.Torch (ABI {GetAbiVersion()}, expected {AbiVersion}). Rebuild both: ./build.sh build");
        }
    }
}
