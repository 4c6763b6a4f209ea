using System.Runtime.InteropServices;

namespace TeraIO.Core.Interop;

/// <summary>What TeraIO.Core calls outside managed code: one nested class per native header.</summary>
internal static partial class NativeMethods
{
    private static int _resolverIsSet;

    /// <summary>Called by each nested class before its first call; an assembly takes one resolver only.</summary>
    private static void EnsureResolver()
    {
        if (Interlocked.Exchange(ref _resolverIsSet, 1) != 0)
            return;
        NativeLibrary.SetDllImportResolver(
            typeof(NativeMethods).Assembly,
            static (name, _, _) => name.StartsWith("tio_", StringComparison.Ordinal) ? NativeLibraryLocator.Resolve(name) : 0);
    }
}
