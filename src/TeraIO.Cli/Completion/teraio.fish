# Completion of teraio for fish. Asks the program itself; where it knows nothing, files are offered.
function __teraio_suggest
    set -l line (commandline -cp)
    teraio "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
end
complete -c teraio -a '(__teraio_suggest)'
