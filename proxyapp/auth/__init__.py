"""Who somebody is: by a directory, a RADIUS server, a Kerberos ticket, or the own verifiers."""
