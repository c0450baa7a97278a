#!/usr/bin/perl
# Reads every .eml file of a folder with Perl's MIME tools (and MailTools for the addresses), and
# prints what it understood: one JSON object a line, see foreign_spec.lua.
# SPDX-License-Identifier: MIT
use strict;
use warnings;
use Digest::SHA 'sha256_hex';
use Encode ();
use JSON::PP;
use Mail::Address;
use MIME::Parser;
use MIME::WordDecoder;

my @address_headers = qw(from sender reply-to to cc);
my $json = JSON::PP->new->canonical->utf8;

# The characters that a header value shows; octets that are no encoded words are UTF-8 (RFC 6532).
sub shown {
  my ($value) = @_;
  return $value if !defined $value || utf8::is_utf8($value); # characters already
  return mime_to_perl_string($value) unless $value =~ /[^\x00-\x7f]/;
  return Encode::decode('UTF-8', $value);
}

# The value of the first field of that name, unfolded.
sub field {
  my ($head, $name) = @_;
  my $value = $head->get($name, 0);
  return undef unless defined $value;
  $value =~ s/\r?\n(?=[ \t])//g;
  $value =~ s/\r?\n\z//;
  return $value;
}

sub mailbox {
  my ($address) = @_;
  my $name = $address->phrase;
  if ($name =~ /\A"(.*)"\z/s) {
    $name = $1;
    $name =~ s/\\(.)/$1/gs;
  }
  return { name => shown($name), address => shown($address->address) };
}

sub leaf {
  my ($part) = @_;
  my $head = $part->head;
  my $content = $part->bodyhandle ? $part->bodyhandle->as_string : '';
  my $disposition = $head->mime_attr('content-disposition') || undef;
  my %found = (
    type => $part->effective_type,
    disposition => $disposition,
    # Characters when it was an extended parameter, octets when not.
    filename => shown($head->recommended_filename),
    id => field($head, 'content-id'),
  );
  if ($part->effective_type =~ m{^text/} && !defined $disposition) {
    my $charset = $head->mime_attr('content-type.charset') || 'us-ascii';
    $found{text} = Encode::decode($charset, $content, Encode::FB_CROAK);
  } else {
    $found{size} = length $content;
    $found{sha256} = sha256_hex($content);
  }
  return \%found;
}

sub leaves {
  my ($part) = @_;
  return $part->is_multipart ? map { leaves($_) } $part->parts : leaf($part);
}

sub shape {
  my ($part) = @_;
  return $part->effective_type unless $part->is_multipart;
  my ($subtype) = $part->effective_type =~ m{/(.*)};
  return "$subtype(" . join(',', map { shape($_) } $part->parts) . ')';
}

sub read_message {
  my ($path) = @_;
  my $parser = MIME::Parser->new;
  $parser->output_to_core(1);
  $parser->tmp_to_core(1);
  $parser->decode_headers(0);
  my $message = $parser->parse_open($path);
  my $head = $message->head;
  my (%fields, %addresses);
  for my $name ($head->tags) {
    $fields{lc $name} = shown(field($head, $name));
  }
  for my $name (@address_headers) {
    next unless $head->count($name);
    $addresses{$name} = [map { mailbox($_) } Mail::Address->parse(field($head, $name))];
  }
  return {
    names => [map { /^([^:\s]+)/ ? lc $1 : () } @{ $head->header }],
    fields => \%fields,
    addresses => \%addresses,
    parts => [leaves($message)],
    shape => shape($message),
    defects => [$parser->results->errors, $parser->results->warnings],
  };
}

opendir my $folder, $ARGV[0] or die "$ARGV[0]: $!";
for my $name (sort grep { /\.eml\z/ } readdir $folder) {
  my $found = eval { read_message("$ARGV[0]/$name") } || { failed => "$@" };
  $found->{file} = $name;
  print $json->encode($found), "\n";
}
