using System.Runtime.InteropServices;
using TeraIO.Core;

namespace TeraIO.Torch.Runtime;

/// <summary>
/// The calls of glibc's dynamic linker that <see cref="NativeLibrary"/> does not offer: global symbol scope,
/// "is it loaded already", versioned symbols, and which file a symbol came from. Handles are never closed: libtorch
/// cannot be unloaded.
/// </summary>
internal static partial class DynamicLinker
{
    private const string LibC = "libc.so.6";
    private const int Lazy = 0x1;
    private const int NoLoad = 0x4;
    private const int Global = 0x100;

    /// <summary>Loads a library and puts its symbols into the global scope, where later libraries find them.</summary>
    /// <exception cref="ConfigurationException">The linker refuses; its own words are in the message.</exception>
    public static nint LoadGlobal(string path)
    {
        var handle = Open(path, Lazy | Global);
        return handle != 0
            ? handle
            : throw new ConfigurationException($"Cannot load {path}: {LastError()}.");
    }

    /// <summary>Handle of a library that the process has loaded already, by soname or path; 0 if it has not.</summary>
    public static nint FindLoaded(string name) => Open(name, Lazy | NoLoad);

    /// <summary>Whether a loaded library exports <paramref name="symbol"/> with exactly this version.</summary>
    public static bool HasVersionedSymbol(nint library, string symbol, string version) =>
        VersionedSymbol(library, symbol, version) != 0;

    /// <summary>Path of the file that an address was loaded from, as the linker opened it.</summary>
    public static unsafe string FileOf(nint address)
    {
        SymbolOrigin origin;
        return FindOrigin(address, &origin) != 0 && origin.FileName != 0
            ? Path.GetFullPath(Marshal.PtrToStringUTF8(origin.FileName)!)
            : throw new ConfigurationException($"The dynamic linker knows no library at address 0x{address:x}.");
    }

    private static string LastError() => Marshal.PtrToStringUTF8(Error()) ?? "the dynamic linker gave no reason";

    [LibraryImport(LibC, EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Open(string path, int flags);

    [LibraryImport(LibC, EntryPoint = "dlvsym", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint VersionedSymbol(nint handle, string symbol, string version);

    [LibraryImport(LibC, EntryPoint = "dlerror")]
    private static partial nint Error();

    [LibraryImport(LibC, EntryPoint = "dladdr")]
    private static unsafe partial int FindOrigin(nint address, SymbolOrigin* origin);

    /// <summary><c>Dl_info</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct SymbolOrigin
    {
        public nint FileName;
        public nint FileBase;
        public nint SymbolName;
        public nint SymbolAddress;
    }
}
