using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using TeraIO.Core;

namespace TeraIO.Cli.Options;

/// <summary>Options whose values have a form of their own; a wrong one is reported with the form that is right.</summary>
internal static class OptionValues
{
    public delegate bool Parse<T>(string? text, out T value);

    /// <summary>An option with one value.</summary>
    public static Option<T?> One<T>(string name, string helpName, string description, string form, Parse<T> parse) => new(name)
    {
        Description = description,
        HelpName = helpName,
        CustomParser = argument => Read(argument, argument.Tokens[^1].Value, name, form, parse, out T? value) ? value : default,
    };

    /// <summary>An option that may be given several times, or with several values separated by commas.</summary>
    public static Option<T[]> Many<T>(string name, string helpName, string description, string form, Parse<T> parse) => new(name)
    {
        Description = description,
        HelpName = helpName,
        Arity = ArgumentArity.OneOrMore,
        CustomParser = argument =>
        {
            var values = new List<T>();
            foreach (string text in argument.Tokens.SelectMany(static t => t.Value.Split(',', StringSplitOptions.TrimEntries)))
            {
                if (!Read(argument, text, name, form, parse, out T? value)) return [];
                values.Add(value!);
            }

            return [.. values];
        },
    };

    public static Option<ByteRate?> Rate(string name, string description) =>
        One<ByteRate?>(name, "RATE", description, ByteRate.Form, static (string? text, out ByteRate? value) => Some(ByteRate.TryParse(text, out ByteRate rate), rate, out value));

    public static Option<ByteSize?> Size(string name, string description) =>
        One<ByteSize?>(name, "SIZE", description, "a size such as 64GiB", static (string? text, out ByteSize? value) => Some(ByteSize.TryParse(text, out ByteSize size) && size.Bytes > 0, size, out value));

    public static Option<double?> Number(string name, string helpName, string description, double least, double most) => One<double?>(
        name,
        helpName,
        description,
        double.IsPositiveInfinity(most) ? string.Create(CultureInfo.InvariantCulture, $"a number of at least {least}") : string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}"),
        (string? text, out double? value) => Some(
            double.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) && number >= least && number <= most, number, out value));

    private static bool Some<T>(bool isValid, T parsed, out T? value)
        where T : struct
    {
        value = isValid ? parsed : null;
        return isValid;
    }

    private static bool Read<T>(ArgumentResult argument, string text, string name, string form, Parse<T> parse, out T? value)
    {
        if (parse(text, out T parsed))
        {
            value = parsed;
            return true;
        }

        value = default;
        argument.AddError($"{name} '{text}' is not {form}.");
        return false;
    }
}
